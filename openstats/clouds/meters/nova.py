"""Meter source ``nova``: CPU time from server diagnostics, a call for each running instance."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

import novaclient.exceptions

from openstats.clouds.connection import Connection, parsed
from openstats.clouds.errors import translated
from openstats.clouds.figures import whole
from openstats.clouds.meters import GRID, LONGEST, Asked, Window
from openstats.errors import CloudError
from openstats.model import Instance
from openstats.readings import Tick

METER = "cpu.used"
DIAGNOSTICS = "2.48"
NANO = 1e-9
LONGEST_TIME = 2**60
"""Nanoseconds of CPU time that one vCPU may have burnt: 36 years."""


SLACK = 1.1, 5.0
"""A counter may rise by so many times the time that passed, and so many seconds, on each vCPU: it
is read some time between a question and its answer."""


class Counter(NamedTuple):
    """CPU seconds that an instance has burnt since it was started, when it said so, on how many
    vCPUs; 0 where an earlier release kept the counter and not their number."""

    seconds: float
    at: float
    vcpus: int = 0


@dataclass
class Pace:
    """Lets so many pass in a second."""

    per_second: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def wait(self) -> None:
        """Wait for one's turn."""
        with self._lock:
            now = self.clock()
            turn = max(self._next, now)
            self._next = turn + 1 / self.per_second
        if turn > now:
            self.sleep(turn - now)


def read(asked: Asked) -> Iterator[Window]:
    """Read the counters of all running instances, unless they are too many; one window."""
    running = list(asked.running)
    version = asked.connection.nova.api_version.get_string()
    if len(running) > asked.options.diagnostics_max_instances:
        return
    if parsed(version) < parsed(DIAGNOSTICS) or asked.last.get(METER, 0) >= asked.now:
        return
    pace = Pace(asked.options.diagnostics_per_second)
    heard = list(asked.calls.map(lambda server: _counter(asked, pace, server), running))
    before = {uuid: Counter(*kept) for uuid, kept in asked.cursor.items()}
    counters = {s.uuid: c for s, c in zip(running, heard, strict=True) if isinstance(c, Counter)}
    failures = [c for c in heard if isinstance(c, CloudError)]
    if failures and not counters:
        raise failures[-1]
    gains = _gains(running, before, counters)
    unobserved = frozenset(server.tenant for server in running) - gains.keys()
    tick = Tick(asked.now, _observed(asked), gains, unobserved)
    yield Window({METER: tick}, _kept(running, before, counters), _missing(failures, running))


def _observed(asked: Asked) -> float:
    return asked.now - asked.last.get(METER, asked.now)


def _missing(failures: Sequence[CloudError], running: Sequence[Instance]) -> str | None:
    if not failures:
        return None
    return f"diagnostics of {len(failures)} of {len(running)} servers: {failures[-1]}"


def _counter(asked: Asked, pace: Pace, server: Instance) -> Counter | CloudError | None:
    """Ask one server; None where its driver does not tell, or it has just stopped."""
    pace.wait()
    try:
        times = diagnostics(asked.connection, server.uuid)
    except CloudError as error:
        return error
    return Counter(sum(times) * NANO, asked.clock(), len(times)) if times else None


def diagnostics(connection: Connection, uuid: str) -> list[int]:
    """Return the CPU time of each vCPU of a server, in ns: one call.

    Empty where it is not running, or its driver does not tell.
    """
    with translated(connection.cloud.name, f"Nova's diagnostics of {uuid}"):
        try:
            _, body = connection.nova.client.get(f"/servers/{uuid}/diagnostics")
        except (
            novaclient.exceptions.Conflict,
            novaclient.exceptions.NotFound,
            novaclient.exceptions.HTTPNotImplemented,
        ):
            return []
        vcpus = body["cpu_details"]
        if any(vcpu["time"] is None for vcpu in vcpus):
            return []
        return [whole(vcpu, "time", LONGEST_TIME) for vcpu in vcpus]


def _gains(
    running: Sequence[Instance], before: Mapping[str, Counter], now: Mapping[str, Counter]
) -> dict[str, tuple[float, float]]:
    """Return vCPU-seconds burnt, and those of running instances, by tenant.

    Instances whose counters say nothing of the time between are in neither.
    """
    gains: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for server in running:
        if server.uuid not in before or server.uuid not in now:
            continue
        first, last = before[server.uuid], now[server.uuid]
        if _comparable(first, last, server.vcpus):
            total, weight = gains[server.tenant]
            burnt, passed = last.seconds - first.seconds, last.at - first.at
            gains[server.tenant] = total + burnt, weight + passed * server.vcpus
    return dict(gains)


def _comparable(first: Counter, last: Counter, vcpus: int) -> bool:
    """Return whether a counter went on from the first to the last.

    One that fell was started anew, one that was not heard of for long is too old, one that rose by
    more than is possible is another's: a resized instance's, or that of a host whose clock was set.
    """
    passed, burnt = last.at - first.at, last.seconds - first.seconds
    if not 0 < passed <= LONGEST + GRID / 2 or first.vcpus not in (0, last.vcpus):
        return False
    factor, seconds = SLACK
    return 0 <= burnt <= max(vcpus, last.vcpus) * (factor * passed + seconds)


def _kept(
    running: Sequence[Instance], before: Mapping[str, Counter], now: Mapping[str, Counter]
) -> dict[str, Any]:
    """Keep the newest counter of whatever runs."""
    newest = dict(before) | dict(now)
    return {server.uuid: newest[server.uuid] for server in running if server.uuid in newest}
