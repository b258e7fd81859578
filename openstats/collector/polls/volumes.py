"""Volumes: detects the tenants whose block storage changed, so that their quotas are read again.

Cinder's lists are checked against its own counts and the permissions of the user.
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
"""The nouns of Cinder's counts, in the order of ``VolumeCounts``."""


def run(poll: Poll) -> None:
    """Compare Cinder's summary with the last one; read all volumes and snapshots if it differs.

    Raises:
        CloudError: Cinder lists only a part of the volumes or snapshots, or too many of them are
            gone at once.
    """
    if not poll.connection.entry.settings.block_storage:
        return
    if BLOCK_STORAGE in poll.shared:
        _leave_to_another_region(poll)
        return
    cursor = poll.lease.cursor
    changed_since = int(str(cursor.get("at", 0))) - poll.overlap
    summary = cinder.summary(poll.connection, max(0, changed_since))
    fingerprint = summary.fingerprint if summary else None
    poll.result.cursor = dict(cursor) | {"at": poll.now, "fingerprint": fingerprint}
    is_changed = summary is None or summary.is_touched or fingerprint != cursor.get("fingerprint")
    if is_changed or poll.full_sync_due(cursor):
        _read_all(poll, summary.counts if summary else None)


def _leave_to_another_region(poll: Poll) -> None:
    with poll.writing() as db:
        tenant_ids = volumes.write(db, poll.cloud, {}, poll.now)
        poll.follow_up(db, Changes(tenants=frozenset(tenant_ids)))
    # When the volumes become its own, the next poll reads all of them.
    poll.result.cursor = {}


def _read_all(poll: Poll, counts: cinder.VolumeCounts | None) -> None:
    """Read, check and write all volumes and snapshots; ``counts`` are Cinder's own, if any."""
    sums = cinder.sum_by_tenant(poll.connection, poll.paging)
    if {*sums.use, *sums.spoiled} <= {poll.connection.project}:
        cinder.refuse_part(poll.connection)
    if counts:
        _refuse_cut(poll, sums, counts)
    _check_disappearances(poll, sums)
    _write(poll, sums)
    first_created = _first_created(poll, sums)
    if poll.is_first:
        with poll.writing() as db:
            rows = tenants.rows_of(db, poll.cloud, sums.use, poll.now)
            dates = {rows[key]: created_at for key, created_at in first_created.items()}
            creation_time.date_objects(db, dates)
    unlisted_tenants.check(poll, "volumes", first_created)
    poll.result.cursor["swept_at"] = poll.now
    for omissions in sums.omissions:
        poll.note_omissions(omissions)
    if poll.result.missing:
        # The next poll reads everything again, so that it reports what is missing too.
        poll.result.cursor["fingerprint"] = None


def _write(poll: Poll, sums: cinder.VolumeSums) -> None:
    exemptions = volumes.Exemptions(frozenset(sums.spoiled), rises_only=sums.unclaimed)
    with poll.writing() as db:
        tenant_ids = volumes.write(
            db, poll.cloud, sums.use, poll.now, exemptions=exemptions, first=poll.is_first
        )
        root_disks.write(db, poll.cloud, sums.first_disks)
        poll.follow_up(db, Changes(tenants=frozenset(tenant_ids)))


def _first_created(poll: Poll, sums: cinder.VolumeSums) -> dict[str, int]:
    """Return the Unix time of the first volume of each tenant (Keystone id), if known.

    Times in the future, from a cloud whose clock is fast, become now.
    """
    first_created = {}
    for tenant, use in sums.use.items():
        if use.first_created:
            first_created[tenant] = min(use.first_created, poll.now)
    return first_created


def _refuse_cut(poll: Poll, sums: cinder.VolumeSums, counts: cinder.VolumeCounts) -> None:
    """Raise CloudError if the list is outside the range of the counts before and after it."""
    gigabytes = _gigabytes(sums, counts.gigabytes)
    numbers = cinder.VolumeCounts(sums.volumes, gigabytes, sums.snapshots)
    if numbers == counts:
        return
    # Volumes may have been created and deleted while the list was read.
    later_counts = cinder.counts(poll.connection)
    for name, number, *bounds in zip(COUNTED, numbers, counts, later_counts, strict=True):
        if not min(bounds) <= number <= max(bounds):
            raise CloudError(
                f"{poll.cloud.name}: Cinder lists {number} {name}, but counts {bounds[-1]}: the "
                "list is cut, or the count is wrong; previous figures are kept"
            )


def _gigabytes(sums: cinder.VolumeSums, count: int) -> int:
    """Return the GiB of all listed volumes; ``count`` if some could not be read."""
    if any(omissions.number for omissions in sums.omissions):
        return count
    return sum(use.gigabytes for use in sums.use.values())


def _check_disappearances(poll: Poll, sums: cinder.VolumeSums) -> None:
    """Raise CloudError if too many volumes or snapshots are gone at once."""
    with poll.store.read() as db:
        volume_total, snapshot_total = volumes.numbers(db, poll.cloud)
    missing_volumes = max(0, volume_total - sums.volumes)
    disappearances.check(poll, "volumes", missing_volumes, volume_total)
    missing_snapshots = max(0, snapshot_total - sums.snapshots)
    disappearances.check(poll, "snapshots", missing_snapshots, snapshot_total)
