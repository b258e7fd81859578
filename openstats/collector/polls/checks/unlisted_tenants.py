"""Tenants that only Nova or Cinder shows: new ones, or such as Keystone's list left out.

That they make discovery due is said in ``poll``; here is what is wrong with the list before.
"""

from collections.abc import Mapping

from openstats.clouds.services import keystone
from openstats.collector.polls.poll import Poll
from openstats.errors import CloudError
from openstats.storage import jobs
from openstats.storage.registry import tenants

MOST_ASKED = 5
"""Tenants that one poll asks Keystone for."""


def check(poll: Poll, what: str, born: Mapping[str, int]) -> None:
    """Note if Keystone has tenants that its list did not show, though they were older than it.

    ``born`` are the dates of the first things of tenants (Keystone ids), ``what`` names these
    things in the plural.
    """
    with poll.store.read() as db:
        listed_at = jobs.polled_at(db, poll.cloud, "discovery")
        unmet = tenants.unmet_ids(db, poll.cloud)
    if listed_at is None:
        return
    before = listed_at - poll.overlap
    older = sorted(key for key in unmet if key in born and born[key] < before)
    try:
        shown = [key for key in older[:MOST_ASKED] if keystone.exists(poll.connection, key)]
    except CloudError:
        # Discovery is due, and will say what is wrong with Keystone.
        return
    if shown:
        poll.note_missing(
            f"{poll.cloud.name}: Keystone's list of projects is cut: it left out {len(older)} "
            f"tenants with older {what}, of which Keystone shows {', '.join(shown)} by their ids: "
            f"discovery is due; {keystone.LIMITS}"
        )
