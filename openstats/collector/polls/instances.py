"""Instances: what changed among servers, and now and then all of them.

Absence is not deletion: a server goes when Nova says DELETED, or 404 to its very id.
"""

from openstats.clouds.omissions import Omissions
from openstats.clouds.services import nova
from openstats.collector.polls.checks import cells, disappearances, unlisted_tenants
from openstats.collector.polls.poll import Poll
from openstats.collector.shared_services import COMPUTE
from openstats.errors import CloudError, StoppedError
from openstats.storage.counts import creation_time
from openstats.storage.inventory import allocation, instances

MOST_ASKED = 1000
"""Servers that one poll asks for by id, because a sweep did not show them."""

SAMPLE = 50
"""Of servers of which too many are gone at once, how many are asked for by id."""


def poll(poll: Poll) -> None:
    """Read what changed since the last poll; where that is due, everything.

    Raises:
        CloudError: cells are down, the list of servers is cut, or too many of them are gone at
            once. What was read is kept, nothing is deleted, and the next poll begins where the last
            complete one ended.
    """
    if COMPUTE in poll.shared:
        _leave_to_another_region(poll)
        return
    cursor = dict(poll.lease.cursor)
    sweeping = poll.full_sync_due(cursor)
    hidden = cells.hidden(poll)
    left_out = Omissions(poll.cloud.name, "server")
    if "since" in cursor:
        _read(poll, left_out, changed_since=int(str(cursor["since"])))
    if sweeping:
        hidden = hidden or nova.servers_in_down_cells(poll.connection) * ["cell0"]
        left_out = Omissions(poll.cloud.name, "server")
        _read(poll, left_out)
    if hidden:
        raise CloudError(
            f"{poll.cloud.name}: Nova leaves out cells that are down, of {', '.join(hidden[:5])}; "
            "figures of before stay"
        )
    if sweeping:
        _finish_sweep(poll, left_out)
        cursor["swept_at"] = poll.now
    if left_out.number:
        poll.note_missing(str(left_out))
    if poll.result.missing:
        # The next poll sweeps again: what is missing must not be forgotten meanwhile.
        cursor["swept_at"] = 0
    poll.result.cursor = cursor | {"since": poll.now - poll.overlap}
    with poll.store.read() as db:
        born = instances.first_of_unmet(db, poll.cloud)
    unlisted_tenants.check(poll, "servers", born)
    _note_twins(poll)


def _leave_to_another_region(poll: Poll) -> None:
    with poll.writing() as db:
        poll.follow_up(db, instances.remove_all(db, poll.cloud))
    # Once they are its own, all are read anew.
    poll.result.cursor = {}


def _note_twins(poll: Poll) -> None:
    """Note if another cloud has the same servers: they count twice."""
    with poll.store.read() as db:
        twins = instances.twins(db, poll.cloud)
    for name, number, uuid in twins:
        poll.note_missing(
            f"{poll.cloud.name}: {number} of its servers are servers of {name} as well, {uuid} "
            f"among them, and count twice. If both are one cloud, write one entry for it, {name}"
        )


def _read(poll: Poll, left_out: Omissions, changed_since: int | None = None) -> None:
    """Write page after page, so that neither memory nor a transaction grows with the cloud."""
    done = 0
    pages = nova.servers(
        poll.connection, paging=poll.paging, changed_since=changed_since, omissions=left_out
    )
    for page, gone in pages:
        with poll.writing() as db:
            seen = poll.now if changed_since is None else 0
            changed = instances.write(db, poll.cloud, page, seen=seen, now=poll.now)
            allocation.write_ended(db, poll.cloud, gone, poll.now)
            uuids = [server.uuid for server in gone]
            poll.follow_up(db, changed | instances.remove(db, poll.cloud, uuids, now=poll.now))
        done += len(page)
        poll.report("servers", done)


def _finish_sweep(poll: Poll, left_out: Omissions) -> None:
    """Ask for each server that the sweep did not show by its id; date what was found first.

    Raises:
        CloudError: Nova shows by its id a server that its list leaves out, or too many are gone.
    """
    with poll.writing() as db:
        instances.keep(db, poll.cloud, left_out.ids, poll.now)
        unseen = instances.unseen(db, poll.cloud, poll.now)
        total = instances.number(db, poll.cloud)
    if disappearances.is_mass(poll, len(unseen), total):
        _refuse_cut(poll, unseen, _by_id(poll, unseen[:: 1 + len(unseen) // SAMPLE])[0], left_out)
    disappearances.check(poll, "servers", len(unseen), total)
    shown, gone = _by_id(poll, unseen[:MOST_ASKED])
    with poll.writing() as db:
        poll.follow_up(db, instances.remove(db, poll.cloud, gone, now=poll.now))
    _refuse_cut(poll, unseen, shown, left_out)
    if len(unseen) > MOST_ASKED:
        poll.note_missing(
            f"{poll.cloud.name}: {len(unseen) - MOST_ASKED} servers are not listed any more"
        )
    if poll.is_first:
        with poll.writing() as db:
            creation_time.date_objects(db, instances.first_created(db, poll.cloud))


def _refuse_cut(poll: Poll, unseen: list[str], shown: list[str], left_out: Omissions) -> None:
    # One that was left out without an id may be any of these.
    if shown and not left_out.unnamed:
        raise CloudError(
            f"{poll.cloud.name}: Nova's list of servers is cut: it leaves out {len(unseen)}, of "
            f"which it shows {', '.join(shown[:5])} by their ids; nothing of these is deleted"
        )


def _by_id(poll: Poll, uuids: list[str]) -> tuple[list[str], list[str]]:
    """Return which of the servers Nova shows by their ids, and which are gone."""
    shown: list[str] = []
    gone: list[str] = []
    for uuid in uuids:
        if poll.context.stopped():
            raise StoppedError(f"{poll.cloud.name}: stopped while it asked for single servers")
        (shown if nova.exists(poll.connection, uuid) else gone).append(uuid)
    return shown, gone
