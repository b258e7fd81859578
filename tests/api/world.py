"""What the filled store holds, so that every test can tell what must come out."""

from typing import Any

from sqlalchemy import select

from openstats.alerts import Notification
from openstats.meters import USAGE_METERS
from openstats.model import Capacity, Quota, VolumeTypeQuota
from openstats.storage.alerts import subjects
from openstats.storage.alerts.histories import NO_SUBJECT
from openstats.storage.alerts.rows import AlertRow, insert_alerts
from openstats.storage.schema import tables
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database
from tests.registry import NOW, site, uuids

CLOCK = NOW + 30
ALIAS = "https://alias.example/identity"
LIMITED = {
    "vcpu": (2, 1),
    "ram": (4096, 4096),
    "storage": (16384, 16000),
    "max_instances": (4, 3),
}
UNLIMITED = {"vcpu": (-1, 5), "ram": (1024, 0), "storage": (-1, 0), "max_instances": (10, 1)}
SMALL = {"vcpu": (8, 0), "ram": (512, 0), "storage": (1024, 0), "max_instances": (1, 0)}
TYPES = {
    "fast": VolumeTypeQuota(Quota(-1, 2), Quota(5, 0), Quota(10240, 2048)),
    "__DEFAULT__": VolumeTypeQuota(Quota(-1, 0), Quota(-1, 0), Quota(-1, 0)),
}
EXAMPLE = Capacity(64, 4, 516588, 6144, 510444, 14)
READ = NOW // 300 * 300
"""When usage was read last, an hour after the first time."""
USED = {"shop": 20, "blog": 4, "lab": 0.5}
"""What was used in that hour, on the average, in the first region; in the second 100, by one."""
UNKNOWN = "00000000-0000-0000-0000-000000000000"


def fill(db: Database) -> None:
    """Fill two regions of one Keystone, with two customers."""
    one = site(db, "alpha:one", region="one", aliases=[ALIAS])
    one.project("shop", groups=["web", "db"]).project("blog", groups=["web"])
    one.project("lab", customer="umbrella").project("admin", customer=None)
    one.discover(NOW - 100)
    one.quota("shop", at=NOW - 60, **LIMITED).quota("blog", **UNLIMITED).quota("lab", **SMALL)
    one.volume_types("shop", **TYPES)
    one.servers("shop", 3).servers("blog", 1).servers("admin", 1)
    one.capacity(EXAMPLE, at=NOW - 10).polled(at=NOW - 20)
    two = site(db, "alpha:two", region="two").project("shop", groups=["web", "db"]).discover()
    two.quota("shop", **SMALL).capacity(EXAMPLE).polled()
    for cloud, used in ((one, USED), (two, {"shop": 100})):
        for item in USAGE_METERS:
            if not item.endswith("ory.used"):
                cloud.read(item, READ - 3600).read(item, READ, 3600, **used)
    _alarm(db)


def _alarm(db: Database) -> None:
    """Have something wrong with a project, a tenant, a cloud, and with nobody knows what."""
    cloud = tables.cloud.c
    projects, tenant = uuids(db, "project"), tables.tenant.c
    lab = select(tenant.uuid).where(tenant.name == "lab")
    told = [
        ("project", projects["shop"], "Error", FOREVER),
        ("tenant", db.scalar(lab), "Warning", NOW - 1000),
        ("cloud", db.scalar(select(cloud.uuid).where(cloud.name == "alpha:one")), "Info", FOREVER),
        (None, None, "Debug", FOREVER),
    ]
    for number, (kind, uuid, severity, until) in enumerate(told):
        subject = subjects.of_object(db, kind, str(uuid)) if kind else NO_SUBJECT
        at = NOW - 3600 + number
        notification = Notification(
            f"f{number}", "", f"type{number}", severity, "what is wrong", at
        )
        insert_alerts(db, [AlertRow("prometheus", notification, subject, at, until, NOW)])


def quota_of(*tenants: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """Give the eight figures that these tenants sum to, one unlimited making all so."""
    figures: dict[str, int] = {}
    for name in LIMITED:
        limits = [tenant[name][0] for tenant in tenants]
        figures[name] = -1 if -1 in limits else sum(limits)
        figures[f"{name}_usage"] = sum(tenant[name][1] for tenant in tenants)
    return figures
