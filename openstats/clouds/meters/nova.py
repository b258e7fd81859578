"""Meter source ``nova``: CPU time from server diagnostics, a call for each running instance."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

import novaclient.exceptions

from openstats.clouds.asking import asking
from openstats.clouds.connection import Connection, parsed
from openstats.clouds.meters import GRID, LONGEST, Asked, Window
from openstats.errors import CloudError
from openstats.model import Instance
from openstats.readings import Tick

METER = "cpu.used"
DIAGNOSTICS = "2.48"
NANO = 1e-9


class Counter(NamedTuple):
    """CPU seconds that an instance has burnt since it was started, and when it said so."""

    seconds: float
    at: float


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
    tick = Tick(asked.now, _observed(asked), gains)
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
        nanoseconds = diagnostics(asked.connection, server.uuid)
    except CloudError as error:
        return error
    return None if nanoseconds is None else Counter(nanoseconds * NANO, asked.clock())


def diagnostics(connection: Connection, uuid: str) -> int | None:
    """Give the CPU time of a server, all its vCPUs together, in ns: one call.

    None where it is not running, or its driver does not tell.
    """
    with asking(connection.cloud.name, f"Nova's diagnostics of {uuid}"):
        try:
            _, body = connection.nova.client.get(f"/servers/{uuid}/diagnostics")
        except (
            novaclient.exceptions.Conflict,
            novaclient.exceptions.NotFound,
            novaclient.exceptions.HTTPNotImplemented,
        ):
            return None
        times = [cpu["time"] for cpu in body["cpu_details"]]
        return sum(times) if times and None not in times else None


def _gains(
    running: Sequence[Instance], before: Mapping[str, Counter], now: Mapping[str, Counter]
) -> dict[str, tuple[float, float]]:
    """Give vCPU-seconds burnt, and those of running instances, by tenant.

    A counter that fell was started anew, one that was not heard of for long is too old: neither
    says anything of the time between.
    """
    gains: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for server in running:
        if server.uuid not in before or server.uuid not in now:
            continue
        burnt = now[server.uuid].seconds - before[server.uuid].seconds
        passed = now[server.uuid].at - before[server.uuid].at
        if burnt >= 0 and 0 < passed <= LONGEST + GRID / 2:
            total, weight = gains[server.tenant]
            gains[server.tenant] = total + burnt, weight + passed * server.vcpus
    return dict(gains)


def _kept(
    running: Sequence[Instance], before: Mapping[str, Counter], now: Mapping[str, Counter]
) -> dict[str, Any]:
    """Keep the newest counter of whatever runs."""
    newest = dict(before) | dict(now)
    return {server.uuid: newest[server.uuid] for server in running if server.uuid in newest}
