"""Mass disappearances: many items that are missing at once are not deleted at once.

The cloud may show only a part of them. They are deleted after several sightings, or when an admin
accepts the loss.
"""

from dataclasses import replace

from oslo_log import log

from openstats.collector.polls.poll import Poll
from openstats.errors import CloudError
from openstats.storage import disappearances
from openstats.storage.disappearances import Sighting

LOG = log.getLogger(__name__)


def is_mass(poll: Poll, missing: int, total: int) -> bool:
    """Return whether more items of ``total`` are missing than the options allow at once."""
    options = poll.options
    return missing > max(options.vanish_floor, options.vanish_share * total)


def check(poll: Poll, subject: str, missing: int, total: int) -> None:
    """Raise CloudError if too many items are missing at once and that is not confirmed yet.

    Repeated sightings or an admin confirm it. ``subject`` is the plural noun of the items.
    """
    is_excessive = is_mass(poll, missing, total)
    with poll.writing() as db:
        sightings = disappearances.read(db, poll.cloud, poll.lease.kind)
        previous = sightings.pop(subject, None)
        if previous is None and not is_excessive:
            return
        sighting = _counted(poll, previous, Sighting(missing, total))
        if is_excessive:
            sightings[subject] = sighting
        disappearances.write(db, poll.cloud, poll.lease.kind, sightings)
    if not is_excessive:
        return
    if not (sighting.accepted or sighting.seen >= poll.options.vanish_sightings):
        raise _error(poll, subject, sighting)
    message = "%s: %d of %d %s are gone, and are deleted here"
    LOG.warning(message, poll.cloud.name, missing, total, subject)


def _counted(poll: Poll, previous: Sighting | None, sighting: Sighting) -> Sighting:
    """Return a sighting that counts the previous one; start anew if many more items are gone."""
    if previous is None or is_mass(poll, sighting.gone - previous.gone, sighting.total):
        return sighting
    return replace(sighting, seen=previous.seen + 1, accepted=previous.accepted)


def _error(poll: Poll, subject: str, sighting: Sighting) -> CloudError:
    name, options = poll.cloud.name, poll.options
    error = CloudError(
        f"{name}: {sighting.gone} of {sighting.total} {subject} are gone at once; previous figures "
        f"are kept until this was seen {options.vanish_sightings} times (so far: "
        f"{sighting.seen}), or somebody confirms it: openstats cloud accept {name}"
    )
    # The regular interval instead of retry_interval: a cloud needs time to recover.
    error.retry_after = poll.context.interval(poll.lease.kind)
    return error
