"""Volumes: whose block storage changed, so that only their quotas are read again.

Cinder's lists are held against its own counts, and against whom it takes openstats for.
"""

from openstats.clouds.services import cinder
from openstats.collector.polls.checks import disappearances, unlisted_tenants
from openstats.collector.polls.poll import Poll
from openstats.collector.shared_services import BLOCK_STORAGE
from openstats.errors import CloudError
from openstats.model import Changes
from openstats.storage.counts import creation_time
from openstats.storage.inventory import root_disks, volumes
from openstats.storage.registry import tenants

COUNTED = ("volumes", "GiB of volumes", "snapshots")


def poll(poll: Poll) -> None:
    """Compare what volumes and snapshots sum to with the last time; sweep them if it differs.

    Raises:
        CloudError: Cinder lists a part of the volumes or snapshots only, or too many of them are
            gone at once.
    """
    if not poll.connection.entry.settings.block_storage:
        return
    if BLOCK_STORAGE in poll.shared:
        with poll.writing() as db:
            changed = volumes.write(db, poll.cloud, {}, poll.now)
            poll.follow_up(db, Changes(tenants=frozenset(changed)))
        # Once they are its own, all are read anew.
        poll.result.cursor = {}
        return
    cursor = poll.lease.cursor
    since = int(str(cursor.get("at", 0))) - poll.overlap
    found = cinder.fingerprint(poll.connection, max(0, since))
    fingerprint, touched = ([*found[:-1]], found[-1]) if found else (None, True)
    poll.result.cursor = dict(cursor) | {"at": poll.now, "fingerprint": fingerprint}
    if touched or fingerprint != cursor.get("fingerprint") or poll.full_sync_due(cursor):
        _sweep(poll, found[:3] if found else None)


def _sweep(poll: Poll, counted: tuple[int, int, int] | None) -> None:
    sweep = cinder.use(poll.connection, poll.paging)
    if {*sweep.use, *sweep.spoiled} <= {poll.connection.project}:
        cinder.refuse_part(poll.connection)
    if counted:
        _refuse_cut(poll, sweep, counted)
    _brake(poll, sweep)
    with poll.writing() as db:
        kept, first = _kept(poll, sweep), poll.is_first
        changed = volumes.write(db, poll.cloud, sweep.use, poll.now, kept=kept, first=first)
        root_disks.write(db, poll.cloud, sweep.first_disks)
        poll.follow_up(db, Changes(tenants=frozenset(changed)))
    # Nothing was created later than now, whatever the cloud's clock says.
    dates = {key: held.first_created for key, held in sweep.use.items()}
    born = {key: min(date, poll.now) for key, date in dates.items() if date}
    if poll.is_first:
        with poll.writing() as db:
            rows = tenants.rows_of(db, poll.cloud, sweep.use, poll.now)
            creation_time.date_objects(db, {rows[key]: date for key, date in born.items()})
    unlisted_tenants.check(poll, "volumes", born)
    poll.result.cursor["swept_at"] = poll.now
    for left_out in sweep.omissions:
        if left_out.number:
            poll.note_missing(str(left_out))
    if poll.result.missing:
        # The next poll sweeps again: what is missing must not be forgotten meanwhile.
        poll.result.cursor["fingerprint"] = None


def _refuse_cut(poll: Poll, sweep: cinder.Sweep, counted: tuple[int, int, int]) -> None:
    """Raise CloudError if more is counted than listed, or less, before and after the list."""
    listed = sweep.volumes, _gigabytes(sweep, counted[1]), sweep.snapshots
    if listed == counted:
        return
    # Others create and delete meanwhile.
    again = cinder.counts(poll.connection)
    for name, shown, *bounds in zip(COUNTED, listed, counted, again, strict=True):
        if not min(bounds) <= shown <= max(bounds):
            raise CloudError(
                f"{poll.cloud.name}: Cinder lists {shown} {name}, and counts {bounds[-1]}: one of "
                "the two is wrong, or cut; figures of before stay"
            )


def _gigabytes(sweep: cinder.Sweep, counted: int) -> int:
    """Return GiB of all volumes that were listed; as counted where some could not be read."""
    if any(left_out.number for left_out in sweep.omissions):
        return counted
    return sum(use.gigabytes for use in sweep.use.values())


def _brake(poll: Poll, sweep: cinder.Sweep) -> None:
    """Raise CloudError if too many volumes or snapshots are gone at once."""
    with poll.store.read() as db:
        before = volumes.numbers(db, poll.cloud)
    for what, total, now in zip(
        ("volumes", "snapshots"), before, (sweep.volumes, sweep.snapshots), strict=True
    ):
        disappearances.check(poll, what, max(0, total - now), total)


def _kept(poll: Poll, sweep: cinder.Sweep) -> volumes.Kept:
    return volumes.Kept(frozenset(sweep.spoiled), rises_only=sweep.unclaimed)
