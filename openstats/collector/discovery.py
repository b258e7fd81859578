"""Discovery: a Keystone's projects become customers, groups, projects and tenants."""

from openstats.auth_url import compared
from openstats.clouds import keystone
from openstats.collector.poll import Poll
from openstats.errors import CloudError
from openstats.storage import creation, discovery, jobs, registry


def poll(poll: Poll) -> None:
    """Read all projects and place them; the catalog tells further names of the cloud."""
    placings, warnings = keystone.placings(poll.connection)
    if not placings:
        raise CloudError(f"{poll.cloud.name}: Keystone shows no project to this user")
    urls = poll.connection.entry.urls | {compared(url) for url in poll.connection.identity_urls()}
    with poll.writing() as db:
        registry.add_urls(db, poll.cloud, urls)
        found = discovery.place(db, poll.cloud, placings, now=poll.now, first=poll.first)
        # The first sweeps of servers and volumes may have been before, or at the same time.
        creation.date_objects(db, {})
        jobs.make_due(db, [poll.cloud.id], ["quotas"], poll.now)
    if warnings:
        poll.missing = f"{poll.cloud.name}: {'; '.join(warnings)}"
    poll.say("projects", found["tenants"], found["tenants"])
