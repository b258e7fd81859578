"""Names that somebody chose in a cloud to do harm with, and a store full of them."""

from openstats.alerts import Notification
from openstats.clouds.sanitize import ID_LENGTH, clean
from openstats.meters import USAGE_METERS
from openstats.model import Quota, VolumeTypeQuota
from openstats.storage.alerts import subjects
from openstats.storage.alerts.rows import AlertRow, insert_alerts
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database
from tests.registry import NOW, Site, site, uuids

MARK = "zq7"
"""In every name, to be looked for where no name may be."""

CHOSEN = {
    "a header": f"{MARK}\r\nSet-Cookie: {MARK}=1\r\n\r\n<html>",
    "an end": f"{MARK}\0{MARK}",
    "a formula": f"=cmd|'/C {MARK}'!A0",
    "a sum": f"+{MARK}",
    "a difference": f"-2+3+cmd|{MARK}",
    "a function": f"@SUM({MARK})",
    "a formula after a tab": f"\t={MARK}",
    "a formula after a return": f"\r={MARK}",
    "a formula in the next line": f'{MARK}"\n="{MARK}',
    "quotes": f"'\"`{MARK}\"'",
    "another cell": f'{MARK}","=1+1',
    "a script": f"</script><script>{MARK}()</script>",
    "a colour": f"\x1b[31m{MARK}\x1b]0;title\x07",
    "one of C1": f"{MARK}\x9b31m\x85\x7f",
    "from right to left": f"{MARK}\u202egnp.exe\u2066\u200f",
    "lines": f"{MARK}\u2028{MARK}\u2029",
    "nothing to be seen": f"{MARK}\u200b\ufeff\u00ad",
    "half a character": f"{MARK}\ud800",
    "long": (MARK + "é" * 255)[:255],
    "SQL": f"'; DROP TABLE project; -- {MARK}",
    "more SQL": f"{MARK}' OR '1'='1",
    "wild cards": f"%{MARK}_\\%",
    "a template": f"{{{{{MARK}}}}} ${{{MARK}}} %(x)s %s {{0}}",
    "a path": f"../../{MARK}/etc/passwd",
}
NAMES = [clean(name) for name in CHOSEN.values()]

ODD = (
    "株式会社\u3000山田",
    "a\u00a0b",
    "👩\u200d🚀",
    "soft\u00adhyphen",
    "עברית",
    "trailing  ",
    " leading",
    "\U0001d518" * 255,
    "-dash",
    "null",
    "007",
)
"""Names that are somebody's own, and that people write."""


def fill(db: Database) -> Site:
    """Give every name to customers, groups, projects, ids, servers, volume types and alerts."""
    cloud = site(db)
    ids = [name[:ID_LENGTH] for name in NAMES]
    for id_, name in zip(ids, NAMES, strict=True):
        cloud.project(id_, name=name, customer=name, groups=[name])
    cloud.discover(NOW - 100).capacity()
    for id_, name in zip(ids, NAMES, strict=True):
        cloud.quota(id_, vcpu=(4, 2)).server(id_, name=name, status=id_, host=name)
        cloud.volume_types(id_, **{name: VolumeTypeQuota(Quota(-1, 0))})
    projects = uuids(db, "project")
    for number, name in enumerate(NAMES):
        subject = subjects.of_object(db, "project", projects[name])
        notification = Notification(
            str(number), "", name, "Error", name, NOW - 60, labels={name: name}
        )
        insert_alerts(db, [AlertRow(name, notification, subject, NOW - 60, FOREVER, NOW)])
    for item in USAGE_METERS:
        cloud.read(item, NOW - 3600).read(item, NOW, 3600, **dict.fromkeys(ids, 1))
    return cloud.polled()
