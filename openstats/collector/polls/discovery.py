"""Discovery: a Keystone's projects become customers, groups, projects and tenants.

Absence is not deletion: a tenant that the list does not show is asked for by its id.
"""

from collections.abc import Sequence

from openstats.auth_url import compared
from openstats.clouds.services import keystone
from openstats.collector.polls.checks import disappearances
from openstats.collector.polls.poll import Poll
from openstats.errors import CloudError
from openstats.storage import jobs
from openstats.storage.counts import creation_time
from openstats.storage.registry import clouds, discovery, tenants

MOST_ASKED = 50
"""Tenants that are asked for by id because the list does not show them; of more, a sample."""


def poll(poll: Poll) -> None:
    """Read all projects and place them; the catalog tells further names of the cloud.

    Raises:
        CloudError: Keystone's list is empty, or leaves out what Keystone shows by its id, or too
            many tenants are gone at once.
    """
    found = keystone.projects(poll.connection, poll.paging, first=poll.is_first)
    if not found.projects:
        raise CloudError(f"{poll.cloud.name}: Keystone shows no project to this user")
    placings, warnings = keystone.assign(poll.connection, found.projects)
    kept = _unreadable(poll, found)
    _refuse_cut(poll, {p.id for p in found.projects} | kept)
    urls = poll.connection.entry.urls | {compared(url) for url in poll.connection.identity_urls()}
    with poll.writing() as db:
        clouds.add_urls(db, poll.cloud, urls)
        counts = discovery.place(
            db, poll.cloud, placings, now=poll.now, first=poll.is_first, unread=kept
        )
        # The first sweeps of servers and volumes may have been before, or at the same time.
        creation_time.date_objects(db, {})
        jobs.make_due(db, [poll.cloud.id], ["quotas"], poll.now)
    if warnings:
        poll.note_missing(f"{poll.cloud.name}: {'; '.join(warnings)}")
    poll.report("projects", counts["tenants"], counts["tenants"])


def _unreadable(poll: Poll, found: keystone.ProjectList) -> set[str]:
    """Return the ids of tenants that may be among the projects that were left out."""
    if not found.omissions.number:
        return set()
    poll.note_missing(str(found.omissions))
    if not found.omissions.unnamed:
        return found.omissions.ids
    with poll.store.read() as db:
        return tenants.living(db, poll.cloud)


def _refuse_cut(poll: Poll, ids: set[str]) -> None:
    """Raise CloudError if Keystone shows by its id a tenant that its list does not show."""
    with poll.store.read() as db:
        missing = sorted(tenants.living(db, poll.cloud) - ids)
        listed_once = tenants.listed_once(db, poll.cloud)
    shown = [key for key in _sample(missing) if keystone.exists(poll.connection, key)]
    if shown:
        raise CloudError(
            f"{poll.cloud.name}: Keystone's list of projects is cut: it leaves out {len(missing)} "
            f"known tenants, of which it shows {', '.join(shown[:5])} by their ids; figures of "
            f"before stay; {keystone.LIMITS}"
        )
    disappearances.check(poll, "tenants", len(listed_once - ids), len(listed_once))


def _sample(keys: Sequence[str]) -> Sequence[str]:
    """Return some of many, evenly spread: lists are sorted by id, and cut at their end."""
    return keys[:: 1 + len(keys) // MOST_ASKED]
