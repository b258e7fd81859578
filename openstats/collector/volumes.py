"""Volumes: whose block storage changed, so that only their quotas are read again."""

from openstats.clouds import cinder
from openstats.collector.poll import Poll
from openstats.model import Changes
from openstats.storage import creation, tenants, volumes


def poll(poll: Poll) -> None:
    """Compare what volumes and snapshots sum to with the last time; sweep them if it differs."""
    if not poll.connection.entry.settings.block_storage:
        return
    cursor = poll.lease.cursor
    since = int(str(cursor.get("at", 0))) - poll.options.overlap
    found = cinder.fingerprint(poll.connection, max(0, since))
    fingerprint, touched = (list(found[:-1]), found[-1]) if found else (None, True)
    poll.cursor = dict(cursor) | {"at": poll.now, "fingerprint": fingerprint}
    if touched or fingerprint != cursor.get("fingerprint") or poll.sweep_due(cursor):
        _sweep(poll)
        poll.cursor["swept_at"] = poll.now


def _sweep(poll: Poll) -> None:
    use = cinder.use(poll.connection, page_size=poll.options.page_size)
    with poll.writing() as db:
        changed = volumes.write(db, poll.cloud, use, poll.now)
        poll.changed(db, Changes(tenants=frozenset(changed)))
    if poll.first:
        with poll.writing() as db:
            rows = tenants.rows_of(db, poll.cloud, use, poll.now)
            dates = {rows[key]: held.first_created for key, held in use.items()}
            creation.date_objects(db, {row: date for row, date in dates.items() if date})
