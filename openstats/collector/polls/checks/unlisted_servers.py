"""Servers that Nova counts against quotas, but left out of its list of all servers.

A tenant with more servers in use than are known is asked for its own list: what came meanwhile is
taken up, what was there before shows that the list of all was cut.
"""

from collections.abc import Iterable
from typing import NamedTuple

from openstats.clouds.omissions import Omissions
from openstats.clouds.services import nova
from openstats.collector.polls.poll import Poll
from openstats.model import Instance
from openstats.storage import jobs
from openstats.storage.inventory import instances

MOST_ASKED = 20
"""Tenants whose own list one poll asks for."""

COUNTED_SERVERS = "Nova counts {} servers of tenant {} as in use, and lists {}"


class TenantCount(NamedTuple):
    """A tenant by row and by Keystone id, and how many of something its quota has in use."""

    row: int
    key: str
    in_use: int


def check(poll: Poll, counts: Iterable[TenantCount]) -> dict[int, str]:
    """Compare the servers that quotas count with those that are known; return contradictions.

    That is a sentence for each tenant (row). What the list of all servers left out is noted.
    """
    with poll.store.read() as db:
        polled_at = jobs.polled_at(db, poll.cloud, "instances")
        numbers = instances.numbers(db, poll.cloud)
    if polled_at is None:
        return {}
    short = [count for count in counts if count.in_use > numbers.get(count.row, 0)]
    contradictions = {}
    for index, count in enumerate(short):
        number = numbers.get(count.row, 0)
        if index < MOST_ASKED:
            number = _take_up(poll, count.key, listed_at=polled_at - poll.overlap)
        if number < count.in_use:
            sentence = COUNTED_SERVERS.format(count.in_use, count.key, number)
            contradictions[count.row] = f"{poll.cloud.name}: {sentence}"
    return contradictions


def _take_up(poll: Poll, tenant: str, *, listed_at: int) -> int:
    """Write the servers of a tenant (Keystone id), and return how many there are.

    Servers that are new here, and older than the list of all, are noted: it left them out.
    """
    omissions = Omissions(poll.cloud.name, "server")
    servers: list[Instance] = []
    for page, _ in nova.servers(
        poll.connection, paging=poll.paging, tenant=tenant, omissions=omissions
    ):
        servers += page
    with poll.writing() as db:
        stored_uuids = instances.uuids(db, poll.cloud, [server.uuid for server in servers])
        changes = instances.write(db, poll.cloud, servers, seen=poll.now, now=poll.now)
        poll.follow_up(db, changes)
    unlisted = []
    for server in servers:
        if server.uuid not in stored_uuids and server.created_at < listed_at:
            unlisted.append(server.uuid)
    if unlisted:
        poll.note_missing(
            f"{poll.cloud.name}: Nova's list of all servers left out {len(unlisted)} of tenant "
            f"{tenant}, {unlisted[0]} among them"
        )
    return len(servers) + omissions.number
