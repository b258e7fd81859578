"""Meter source ``nova``: CPU time from server diagnostics, a call for each running instance."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

from keystoneauth1.exceptions import Conflict, HttpNotImplemented, NotFound

from openstats.clouds.connection import Connection, version_key
from openstats.clouds.errors import translated
from openstats.clouds.figures import whole
from openstats.clouds.meters import GRID, LONGEST, Batch, MeterRequest
from openstats.errors import CloudError
from openstats.model import Instance
from openstats.readings import Delta

METER = "cpu.used"
DIAGNOSTICS = "2.48"
NANO = 1e-9
LONGEST_TIME = 2**60
"""Nanoseconds of CPU time that one vCPU may have burnt: 36 years."""

SLACK = 1.1, 5.0
"""A counter may rise by so many times the time that passed, and so many seconds, on each vCPU: it
is read some time between a question and its answer."""


class CpuCounter(NamedTuple):
    """The CPU time of an instance: seconds burnt since it was started, as read at a moment.

    ``vcpus`` is 0 where an earlier release kept the counter and not their number.
    """

    seconds: float
    at: float
    vcpus: int = 0


Answer = CpuCounter | CloudError | None
"""What comes of asking one server."""


@dataclass
class RateLimiter:
    """Lets so many callers pass in a second."""

    per_second: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def wait(self) -> None:
        """Return when it is the caller's turn."""
        with self._lock:
            now = self.clock()
            turn = max(self._next, now)
            self._next = turn + 1 / self.per_second
        if turn > now:
            self.sleep(turn - now)


def read(request: MeterRequest) -> Iterator[Batch]:
    """Yield one batch: the counters of all running instances, unless they are too many."""
    running = list(request.running)
    version = request.connection.nova.api_version.get_string()
    if len(running) > request.options.diagnostics_max_instances:
        return
    if version_key(version) < version_key(DIAGNOSTICS) or request.last.get(METER, 0) >= request.now:
        return
    limiter = RateLimiter(request.options.diagnostics_per_second)
    answers = list(request.calls.map(lambda server: _counter(request, limiter, server), running))
    counters, errors = _divided(running, answers)
    if errors and not counters:
        raise errors[-1]
    previous = {uuid: CpuCounter(*values) for uuid, values in request.cursor.items()}
    gains = _gains(running, previous, counters)
    unobserved = frozenset(server.tenant for server in running) - gains.keys()
    seconds = request.now - request.last.get(METER, request.now)
    delta = Delta(request.now, seconds, gains, unobserved)
    cursor = _newest(running, previous, counters)
    yield Batch({METER: delta}, cursor, _missing(errors, running))


def _divided(
    running: Sequence[Instance], answers: Iterable[Answer]
) -> tuple[dict[str, CpuCounter], list[CloudError]]:
    """Return the counters by uuid, and the errors."""
    counters, errors = {}, []
    for server, answer in zip(running, answers, strict=True):
        if isinstance(answer, CpuCounter):
            counters[server.uuid] = answer
        elif isinstance(answer, CloudError):
            errors.append(answer)
    return counters, errors


def _missing(errors: Sequence[CloudError], running: Sequence[Instance]) -> str | None:
    if not errors:
        return None
    return f"diagnostics of {len(errors)} of {len(running)} servers: {errors[-1]}"


def _counter(request: MeterRequest, limiter: RateLimiter, server: Instance) -> Answer:
    """Ask one server; return None where its driver does not tell, or it has just stopped."""
    limiter.wait()
    try:
        times = diagnostics(request.connection, server.uuid)
    except CloudError as error:
        return error
    return CpuCounter(sum(times) * NANO, request.clock(), len(times)) if times else None


def diagnostics(connection: Connection, uuid: str) -> list[int]:
    """Return the CPU time of each vCPU of a server, in ns: one call.

    Empty where it is not running, or its driver does not tell.
    """
    with translated(connection.cloud.name, f"Nova's diagnostics of {uuid}"):
        try:
            _, body = connection.nova.client.get(f"/servers/{uuid}/diagnostics")
        except (Conflict, NotFound, HttpNotImplemented):
            return []
        vcpus = body["cpu_details"]
        if any(vcpu["time"] is None for vcpu in vcpus):
            return []
        return [whole(vcpu, "time", LONGEST_TIME) for vcpu in vcpus]


def _gains(
    running: Sequence[Instance],
    previous: Mapping[str, CpuCounter],
    counters: Mapping[str, CpuCounter],
) -> dict[str, tuple[float, float]]:
    """Return vCPU-seconds burnt, and those of running instances, by tenant.

    Instances whose counters say nothing of the time between are in neither.
    """
    gains: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for server in running:
        if server.uuid not in previous or server.uuid not in counters:
            continue
        first, last = previous[server.uuid], counters[server.uuid]
        if _comparable(first, last, server.vcpus):
            total, weight = gains[server.tenant]
            burnt, passed = last.seconds - first.seconds, last.at - first.at
            gains[server.tenant] = total + burnt, weight + passed * server.vcpus
    return dict(gains)


def _comparable(first: CpuCounter, last: CpuCounter, vcpus: int) -> bool:
    """Return whether a counter went on from the first to the last.

    One that fell was started anew; one that was not read for long is too old; one that rose by
    more than is possible is another's: a resized instance's, or that of a host whose clock was set.
    """
    passed, burnt = last.at - first.at, last.seconds - first.seconds
    if not 0 < passed <= LONGEST + GRID / 2 or first.vcpus not in (0, last.vcpus):
        return False
    factor, seconds = SLACK
    return 0 <= burnt <= max(vcpus, last.vcpus) * (factor * passed + seconds)


def _newest(
    running: Sequence[Instance],
    previous: Mapping[str, CpuCounter],
    counters: Mapping[str, CpuCounter],
) -> dict[str, Any]:
    """Return the newest counter of each running instance that has one, by uuid."""
    newest = dict(previous) | dict(counters)
    return {server.uuid: newest[server.uuid] for server in running if server.uuid in newest}
