"""The kinds of polls: their functions, their order in a cycle, and how to run one."""

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
    "discovery": discovery.run,
    "capacity": capacity.run,
    "instances": instances.run,
    "volumes": volumes.run,
    "quotas": quotas.run,
    "providers": providers.run,
    "usage": usage.run,
}
PHASES = (("discovery",), ("instances", "volumes"), ("capacity", "quotas"), ("providers", "usage"))
"""The phases of a cycle on demand: each needs the results of the phase before."""


def run(poll: Poll) -> Poll:
    """Run a poll; repeat it once if a service refuses the microversion. Return the poll."""
    try:
        POLLS[poll.lease.kind](poll)
    except VersionRefusedError as error:
        LOG.warning("%s; its microversions are read again", log_line(poll.lease, error))
        poll.connection.forget_versions()
        # A copy has a new result, with the cursor of the last successful poll.
        poll = replace(poll)
        POLLS[poll.lease.kind](poll)
    return poll
