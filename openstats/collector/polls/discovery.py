"""Discovery: derives customers, groups, projects and tenants from Keystone's projects.

Absence is not deletion: a tenant that is missing in the list is requested by its id.
"""

from functools import partial

from openstats.auth_url import compared
from openstats.clouds.services import keystone
from openstats.collector.polls.checks import disappearances, samples
from openstats.collector.polls.poll import Poll
from openstats.errors import CloudError
from openstats.storage import jobs
from openstats.storage.counts import creation_time
from openstats.storage.registry import clouds, discovery, tenants

MAX_REQUESTED = 50
"""Missing tenants that one poll requests by id; of more, a sample."""


def run(poll: Poll) -> None:
    """Read and assign all projects; store further URLs of the cloud from the catalog.

    Raises:
        CloudError: Keystone's list is empty or incomplete, or too many tenants are gone at once.
    """
    listing = keystone.projects(poll.connection, poll.paging, first=poll.is_first)
    if not listing.projects:
        raise CloudError(
            f"{poll.cloud.name}: Keystone shows this user no project; allow "
            "identity:list_projects in Keystone's policy, see etc/policy/keystone.yaml"
        )
    assignments, warnings = keystone.assign(poll.connection, listing.projects)
    unreadable_ids = _unreadable_ids(poll, listing)
    _refuse_cut(poll, {project.id for project in listing.projects} | unreadable_ids)
    urls = poll.connection.entry.urls | set(map(compared, poll.connection.identity_urls()))
    with poll.writing() as db:
        clouds.add_urls(db, poll.cloud, urls)
        counts = discovery.write(
            db,
            poll.cloud,
            assignments,
            now=poll.now,
            first=poll.is_first,
            unread=unreadable_ids,
        )
        # The first full syncs of servers and volumes may be earlier, or concurrent.
        creation_time.date_objects(db, {})
        jobs.make_due(db, [poll.cloud.id], ["quotas"], poll.now)
    if warnings:
        poll.note_missing(f"{poll.cloud.name}: {'; '.join(warnings)}")
    poll.report("projects", counts["tenants"], counts["tenants"])


def _unreadable_ids(poll: Poll, listing: keystone.ProjectList) -> set[str]:
    """Return the ids of tenants that may be among the projects that could not be read."""
    poll.note_omissions(listing.omissions)
    if not listing.omissions.unnamed:
        return listing.omissions.ids
    with poll.store.read() as db:
        return tenants.living(db, poll.cloud)


def _refuse_cut(poll: Poll, listed_ids: set[str]) -> None:
    """Raise CloudError if Keystone's list lacks a tenant that exists, or too many are gone."""
    with poll.store.read() as db:
        unlisted_ids = sorted(tenants.living(db, poll.cloud) - listed_ids)
        once_listed_ids = tenants.listed_once(db, poll.cloud)
    exists = partial(keystone.exists, poll.connection)
    if shown_ids := samples.existing(unlisted_ids, MAX_REQUESTED, exists):
        error = samples.cut_list(
            f"{poll.cloud.name}: Keystone's list of projects", unlisted_ids, shown_ids
        )
        raise CloudError(f"{error}; {keystone.LIMITS}")
    missing = len(once_listed_ids - listed_ids)
    disappearances.check(poll, "tenants", missing, len(once_listed_ids))
