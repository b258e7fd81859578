"""Tenants that only Nova or Cinder shows: new ones, or some that Keystone's list left out.

``Poll.follow_up`` makes discovery due for both; this check tells them apart.
"""

from collections.abc import Mapping

from openstats.clouds.services import keystone
from openstats.collector.polls.poll import Poll
from openstats.errors import CloudError
from openstats.storage import jobs
from openstats.storage.registry import tenants

MOST_ASKED = 5
"""Tenants that one poll asks Keystone for."""


def check(poll: Poll, subject: str, first_created: Mapping[str, int]) -> None:
    """Note tenants that Keystone has, and that its list left out though they are older than it.

    ``first_created`` is when the first server or volume of each tenant (Keystone id) was created;
    ``subject`` names which of the two, in the plural.
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
        existing = [key for key in older[:MOST_ASKED] if keystone.exists(poll.connection, key)]
    except CloudError:
        # Discovery is due, and will say what is wrong with Keystone.
        return
    if existing:
        poll.note_missing(
            f"{poll.cloud.name}: Keystone's list of projects is cut: it left out {len(older)} "
            f"tenants with older {subject}, of which Keystone shows {', '.join(existing)} by their "
            f"ids: discovery is due; {keystone.LIMITS}"
        )
