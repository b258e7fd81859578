"""The kinds of polls: which there are, in which order they come, and how one is run."""

from collections.abc import Callable
from dataclasses import replace

from oslo_log import log

from openstats.collector.polls import (
    capacity,
    discovery,
    instances,
    providers,
    quotas,
    usage,
    volumes,
)
from openstats.collector.polls.poll import Poll, log_line
from openstats.errors import VersionRefusedError

LOG = log.getLogger(__name__)

POLLS: dict[str, Callable[[Poll], None]] = {
    "discovery": discovery.poll,
    "capacity": capacity.poll,
    "instances": instances.poll,
    "volumes": volumes.poll,
    "quotas": quotas.poll,
    "providers": providers.poll,
    "usage": usage.poll,
}
PHASES = (("discovery",), ("instances", "volumes"), ("capacity", "quotas"), ("providers", "usage"))
"""In a cycle that is run on demand, what must be known before the next is asked."""


def ask(poll: Poll) -> Poll:
    """Run a poll, and once more where a service speaks its microversion no longer; return it."""
    try:
        POLLS[poll.lease.kind](poll)
    except VersionRefusedError as error:
        LOG.warning("%s; which microversions there are is asked again", log_line(poll.lease, error))
        poll.connection.forget_versions()
        # It begins anew, with the cursor that was left by the last one.
        poll = replace(poll)
        POLLS[poll.lease.kind](poll)
    return poll
