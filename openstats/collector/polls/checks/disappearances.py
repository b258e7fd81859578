"""The brake: what disappears from a cloud all at once is not believed at once.

It may be that a cloud shows a part only. It is believed when it was seen some times, or when an
admin says so.
"""

from dataclasses import replace

from oslo_log import log

from openstats.collector.polls.poll import Poll
from openstats.errors import CloudError
from openstats.storage import disappearances
from openstats.storage.disappearances import Sighting

LOG = log.getLogger(__name__)


def is_mass(poll: Poll, gone: int, total: int) -> bool:
    """Return whether more is gone at once than may be."""
    options = poll.options
    return gone > max(float(options.vanish_floor), float(options.vanish_share) * total)


def check(poll: Poll, what: str, gone: int, total: int) -> None:
    """Raise CloudError if more of ``total`` things is ``gone`` than may be, and not often enough.

    ``what`` names the things in the plural.
    """
    mass = is_mass(poll, gone, total)
    with poll.writing() as db:
        sightings = disappearances.read(db, poll.cloud, poll.lease.kind)
        before = sightings.pop(what, None)
        if not mass and not before:
            return
        now = _seen_again(poll, before, Sighting(gone, total))
        disappearances.write(
            db, poll.cloud, poll.lease.kind, sightings | ({what: now} if mass else {})
        )
    if not mass:
        return
    if now.accepted or now.seen >= poll.options.vanish_sightings:
        LOG.warning("%s: %d of %d %s are gone, and forgotten", poll.cloud.name, gone, total, what)
        return
    raise _error(poll, what, now)


def _seen_again(poll: Poll, before: Sighting | None, now: Sighting) -> Sighting:
    """Return a sighting with how often it was seen; where much more is gone it is another one."""
    if before is None or is_mass(poll, now.gone - before.gone, now.total):
        return now
    return replace(now, seen=before.seen + 1, accepted=before.accepted)


def _error(poll: Poll, what: str, now: Sighting) -> CloudError:
    name, options = poll.cloud.name, poll.options
    error = CloudError(
        f"{name}: {now.gone} of {now.total} {what} are gone at once; figures of before stay until "
        f"this was seen {options.vanish_sightings} times (so far: {now.seen}), or somebody "
        f"confirms it: openstats cloud accept {name}"
    )
    # Not at the pace of failures: a cloud needs time to come to itself.
    error.retry_after = getattr(options, f"{poll.lease.kind}_interval")
    return error
