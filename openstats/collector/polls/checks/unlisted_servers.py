"""Servers that Nova counts against quotas, and that its list of all servers did not show.

A tenant with more servers in use than are known is asked for its own list: what came meanwhile is
taken up, what was there before shows that the list of all was cut.
"""

from collections.abc import Iterable

from openstats.clouds.omissions import Omissions
from openstats.clouds.services import nova
from openstats.collector.polls.poll import Poll
from openstats.model import Instance
from openstats.storage import jobs
from openstats.storage.inventory import instances

MOST_ASKED = 20
"""Tenants whose own list one poll asks for."""

COUNTED_SERVERS = "Nova counts {} servers of tenant {} as in use, and lists {}"

Count = tuple[int, str, int]
"""A tenant by row and by Keystone id, and how many servers it has in use."""


def check(poll: Poll, counts: Iterable[Count]) -> dict[int, str]:
    """Hold what quotas count against the servers that are known; return what contradicts it.

    That is a sentence for each tenant (row). What the list of all servers left out is noted.
    """
    with poll.store.read() as db:
        polled_at = jobs.polled_at(db, poll.cloud, "instances")
        numbers = instances.numbers(db, poll.cloud)
    if polled_at is None:
        return {}
    short = [count for count in counts if count[2] > numbers.get(count[0], 0)]
    odd = {}
    for row, key, in_use in short[:MOST_ASKED]:
        number = _ask(poll, key, before=polled_at - poll.overlap)
        if number < in_use:
            odd[row] = _sentence(poll, key, in_use, number)
    for row, key, in_use in short[MOST_ASKED:]:
        odd[row] = _sentence(poll, key, in_use, numbers.get(row, 0))
    return odd


def _sentence(poll: Poll, key: str, in_use: int, number: int) -> str:
    return f"{poll.cloud.name}: {COUNTED_SERVERS.format(in_use, key, number)}"


def _ask(poll: Poll, key: str, *, before: int) -> int:
    """Take up the servers of a tenant, return how many; note if ones of ``before`` are new."""
    left_out = Omissions(poll.cloud.name, "server")
    listed: list[Instance] = []
    for page, _ in nova.servers(
        poll.connection, paging=poll.paging, tenant=key, omissions=left_out
    ):
        listed += page
    with poll.writing() as db:
        known = instances.uuids(db, poll.cloud, [server.uuid for server in listed])
        changed = instances.write(db, poll.cloud, listed, seen=poll.now, now=poll.now)
        poll.follow_up(db, changed)
    unlisted = [s for s in listed if s.uuid not in known and s.created_at < before]
    if unlisted:
        poll.note_missing(
            f"{poll.cloud.name}: Nova's list of all servers left out {len(unlisted)} of tenant "
            f"{key}, {unlisted[0].uuid} among them"
        )
    return len(listed) + left_out.number
