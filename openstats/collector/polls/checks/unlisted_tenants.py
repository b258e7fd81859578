"""Tenants that only Nova or Cinder shows: new ones, and those that Keystone's list left out.

``Poll.follow_up`` schedules a discovery for both; this check distinguishes them.
"""

from collections.abc import Mapping

from openstats.clouds.services import keystone
from openstats.collector.polls.poll import Poll
from openstats.errors import CloudError
from openstats.storage import jobs
from openstats.storage.registry import tenants

MAX_REQUESTED = 5
"""Tenants that one poll requests from Keystone, at most."""


def check(poll: Poll, subject: str, first_created: Mapping[str, int]) -> None:
    """Note tenants that exist in Keystone and are older than its list, but missing in it.

    ``first_created`` is the Unix time at which the first server or volume of each tenant
    (Keystone id) was created. ``subject`` is "servers" or "volumes".
    """
    with poll.store.read() as db:
        listed_at = jobs.polled_at(db, poll.cloud, "discovery")
        unmet_ids = tenants.unmet_ids(db, poll.cloud)
    if listed_at is None:
        return
    older = []
    for tenant in sorted(unmet_ids & first_created.keys()):
        if first_created[tenant] < listed_at - poll.overlap:
            older.append(tenant)
    try:
        existing = [key for key in older[:MAX_REQUESTED] if keystone.exists(poll.connection, key)]
    except CloudError:
        # Discovery is due, and reports errors of Keystone.
        return
    if existing:
        poll.note_missing(
            f"{poll.cloud.name}: Keystone's list of projects is cut: it leaves out {len(older)} "
            f"tenants that have older {subject}; {', '.join(existing)} can be read by id; "
            f"discovery is due; {keystone.LIMITS}"
        )
