"""Meter source ``nova``: CPU time from server diagnostics, one call for each running instance."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from keystoneauth1.exceptions import Conflict, HttpNotImplemented, NotFound

from openstats.clouds.connection import Connection, version_key
from openstats.clouds.errors import translated
from openstats.clouds.figures import integer
from openstats.clouds.meters import GRID, REPORT_VALIDITY, Batch, MeterRequest
from openstats.errors import CloudError
from openstats.model import Instance
from openstats.readings import Delta

METER = "cpu.used"
DIAGNOSTICS_VERSION = "2.48"
NANO = 1e-9
MAX_CPU_TIME = 2**60
"""The largest CPU time of one vCPU in nanoseconds: 36 years."""

TOLERANCE = 1.1, 5.0
"""The tolerance for a vCPU's counter: a factor of the elapsed time, and seconds in addition. Nova
reads the counter at some time between request and response."""


class CpuCounter(NamedTuple):
    """The CPU time of an instance: seconds used since its start, and the Unix time of reading.

    ``vcpus`` is 0 if an earlier release of openstats stored the counter without it.
    """

    seconds: float
    at: float
    vcpus: int = 0


Answer = CpuCounter | CloudError | None
"""The result of requesting the diagnostics of one server."""


@dataclass
class RateLimiter:
    """Limits the number of callers per second; thread-safe."""

    per_second: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def wait(self) -> None:
        """Block until it is the caller's turn."""
        with self._lock:
            now = self.clock()
            turn = max(self._next, now)
            self._next = turn + 1 / self.per_second
        if turn > now:
            self.sleep(turn - now)


def read(request: MeterRequest) -> Iterator[Batch]:
    """Yield one batch from the counters of all running instances.

    Yield nothing if there are more than ``diagnostics_max_instances``, if Nova is too old, or if
    this step of the grid was read already.

    Raises:
        CloudError: no counter could be read, and some requests failed.
    """
    running = list(request.running)
    version = request.connection.nova.api_version.get_string()
    if len(running) > request.options.diagnostics_max_instances:
        return
    if (
        version_key(version) < version_key(DIAGNOSTICS_VERSION)
        or request.last.get(METER, 0) >= request.now
    ):
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
    """Return the counters by uuid of the server, and the errors."""
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
    """Read the counter of one server; None if its driver has none, or it has just stopped."""
    limiter.wait()
    try:
        times = diagnostics(request.connection, server.uuid)
    except CloudError as error:
        return error
    return CpuCounter(sum(times) * NANO, request.clock(), len(times)) if times else None


def diagnostics(connection: Connection, uuid: str) -> list[int]:
    """Return the CPU time of each vCPU of a server, in ns: one call.

    Return an empty list if the server is not running, or its driver reports no CPU time.
    """
    with translated(connection.cloud.name, f"Nova's diagnostics of {uuid}"):
        try:
            _, body = connection.nova.client.get(f"/servers/{uuid}/diagnostics")
        except (Conflict, NotFound, HttpNotImplemented):
            return []
        vcpus = body["cpu_details"]
        if any(vcpu["time"] is None for vcpu in vcpus):
            return []
        return [integer(vcpu, "time", MAX_CPU_TIME) for vcpu in vcpus]


def _gains(
    running: Sequence[Instance],
    previous: Mapping[str, CpuCounter],
    counters: Mapping[str, CpuCounter],
) -> dict[str, tuple[float, float]]:
    """Return the used and the available vCPU-seconds of running instances, by tenant.

    Leave out instances whose counters cannot be compared.
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
    """Return whether two values of a counter can be compared.

    They cannot if the counter decreased (the instance was restarted), if the first value is too
    old, or if the counter rose more than is possible (after a resize, or a change of the clock).
    """
    passed, burnt = last.at - first.at, last.seconds - first.seconds
    if not 0 < passed <= REPORT_VALIDITY + GRID / 2 or first.vcpus not in (0, last.vcpus):
        return False
    factor, seconds = TOLERANCE
    return 0 <= burnt <= max(vcpus, last.vcpus) * (factor * passed + seconds)


def _newest(
    running: Sequence[Instance],
    previous: Mapping[str, CpuCounter],
    counters: Mapping[str, CpuCounter],
) -> dict[str, CpuCounter]:
    """Return the newest counters of running instances, by uuid."""
    newest = dict(previous) | dict(counters)
    return {server.uuid: newest[server.uuid] for server in running if server.uuid in newest}
