"""Servers that Nova counts against quotas, but omitted from its list of all servers.

If a tenant uses more servers than are stored, its own list is read and its servers are stored.
Servers older than the list of all servers prove that this list was cut.
"""

from collections.abc import Iterable
from typing import NamedTuple

from openstats.clouds.omissions import Omissions
from openstats.clouds.services import nova
from openstats.collector.polls.poll import Poll
from openstats.model import Instance
from openstats.storage import jobs
from openstats.storage.inventory import instances

MAX_REQUESTED = 20
"""Tenants whose own list one call of ``check`` reads, at most."""

COUNTED_SERVERS = "Nova counts {} servers of tenant {} as in use, and lists {}"


class TenantCount(NamedTuple):
    """The usage of a quota of a tenant, which is given by row and by Keystone id (``key``)."""

    row: int
    key: str
    in_use: int


def check(poll: Poll, counts: Iterable[TenantCount]) -> dict[int, str]:
    """Compare the servers that quotas count with the stored ones; return the contradictions.

    A contradiction is a sentence for a tenant (row). Note the servers that the list of all servers
    left out as missing.
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
        if index < MAX_REQUESTED:
            number = _take_up(poll, count.key, listed_at=polled_at - poll.overlap)
        if number < count.in_use:
            sentence = COUNTED_SERVERS.format(count.in_use, count.key, number)
            contradictions[count.row] = f"{poll.cloud.name}: {sentence}"
    return contradictions


def _take_up(poll: Poll, tenant: str, *, listed_at: int) -> int:
    """Read and write the servers of a tenant (Keystone id); return their number.

    Note as missing the new servers that are older than the list of all servers (``listed_at``).
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
            f"{poll.cloud.name}: Nova's list of all servers left out {len(unlisted)} servers of "
            f"tenant {tenant}, such as {unlisted[0]}"
        )
    return len(servers) + omissions.number
