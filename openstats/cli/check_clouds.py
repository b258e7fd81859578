"""What ``openstats check`` tries of each cloud: everything that the collector will ask.

The clouds are tried at the same time, and within a limit: one that is silent holds up no other.
What the lines look like is for check.py.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import Any

from openstats.errors import ConfigError, OpenstatsError, RefusedError, ServiceMissingError

Line = tuple[str, str, str]
Attempt = Callable[[], str]
Trial = Callable[[Any, str, str, Attempt], Iterable[Line]]
"""Makes lines of (whom to ask for rights, what it is called, its kind, the attempt)."""

KEYSTONE = "Keystone"
CLIENTS = {"Nova": "nova", "Cinder": "cinder", "Placement": "placement"}
"""The connection's clients, which are made of what a service says of its versions."""

NOT_TRIED = "not tried"
LEFT_ASIDE = "left aside"


@dataclass
class CloudCheck:
    """The trials of one cloud, and the lines that came of them so far."""

    name: str
    connection: Any
    options: Any
    trial: Trial
    lines: list[Line] = field(default_factory=list)
    current: str = KEYSTONE
    is_over: bool = False
    _silent: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Who waits at a terminal asks again when the cloud is back.
        limits = replace(self.connection.limits, wait_seconds=0)
        self.connection = replace(self.connection, limits=limits)

    def run(self) -> None:
        """Try one thing after another, but nothing of what does not answer."""
        from openstats.clouds import rights

        ask = rights.of_cloud(self.connection)
        for what, attempt in trials(self.connection, self.options):
            self.current = what
            if cause := self._silent.get(KEYSTONE) or self._silent.get(_service(what)):
                self.lines.append(self._not_tried(what, cause))
                continue
            self.lines += self.trial(ask, self._named(what), what, self._watched(what, attempt))
        self.is_over = True

    def _watched(self, what: str, attempt: Attempt) -> Attempt:
        """Return an attempt that signs in first, and that keeps what is silent."""

        def watched() -> str:
            try:
                _ = self.connection.region
            except OpenstatsError:
                self._silent[KEYSTONE] = what
                raise
            try:
                return attempt()
            except OpenstatsError as error:
                if self._is_silence(what, error):
                    self._silent[_service(what)] = what
                raise

        return watched

    def _is_silence(self, what: str, error: OpenstatsError) -> bool:
        """Return whether the service cannot be asked at all, so that other calls fail likewise."""
        from openstats.clouds.access import is_unreached

        client = CLIENTS.get(_service(what))
        has_client = client is None or client in vars(self.connection)
        if isinstance(error, RefusedError | ServiceMissingError):
            return False
        return not has_client or is_unreached(error)

    def cut(self, seconds: float) -> list[Line]:
        """Return the lines so far; where it is not over, the rest was not tried."""
        lines = list(self.lines)
        if self.is_over:
            return lines
        self.connection.stop()
        names = [what for what, _ in trials(self.connection, self.options)]
        lines.append((self._named(self.current), "failed", f"no answer within {seconds:g} s"))
        rest = names[names.index(self.current) + 1 :]
        return lines + [self._not_tried(what, self.current) for what in rest]

    @property
    def is_signed_in(self) -> bool:
        """Whether it is over, and one could sign in."""
        return self.is_over and KEYSTONE not in self._silent

    def _named(self, what: str) -> str:
        return f"{self.name}: {what}"

    def _not_tried(self, what: str, cause: str) -> Line:
        return self._named(what), NOT_TRIED, f"see {self._named(cause)}"


def lines_within(checks: Iterable[CloudCheck], seconds: float) -> Iterator[Line]:
    """Yield the lines of all clouds, cloud by cloud; none takes longer than so many seconds."""
    end = time.monotonic() + seconds
    threads = [(check, Thread(target=check.run, daemon=True)) for check in checks]
    for _, thread in threads:
        thread.start()
    for _, thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    lines = {check.name: check.cut(seconds) for check, _ in threads}
    aside = _left_aside([check for check, _ in threads if check.is_signed_in], lines)
    for name, listed in lines.items():
        yield from [(name, LEFT_ASIDE, aside[name])] if name in aside else listed


def _left_aside(checks: list[CloudCheck], lines: Mapping[str, list[Line]]) -> dict[str, str]:
    """Return which entries are of a cloud that another one sees more of, or comes before, for."""
    from openstats.clouds import identity

    aside: dict[str, str] = {}
    faults = {
        check.name: sum(state != "ok" for _, state, _ in lines[check.name]) for check in checks
    }
    # Sorting is stable: of equals the first one comes first.
    checks = sorted(checks, key=lambda check: faults[check.name])
    for place, check in enumerate(checks):
        for other in checks[:place]:
            if other.name not in aside and identity.is_one(other.connection, check.connection):
                sees = "sees more" if faults[other.name] < faults[check.name] else "comes first"
                aside[check.name] = f"it is the same cloud as {other.name}, which {sees}"
                break
    return aside


def _service(what: str) -> str:
    """Return the service that a trial asks: of usage, Nova is asked for servers first."""
    service = what.partition(",")[0]
    return "Nova" if service == "usage" else service


def _usage(connection: Any, options: Any) -> str:
    """Tell what the meter source measures: of one granule, or of one server."""
    import time
    from concurrent.futures import ThreadPoolExecutor
    from types import SimpleNamespace

    from openstats.clouds import meters

    most, source = options.diagnostics_max_instances, connection.entry.settings.meter_source
    running = _running(connection, most + 1)
    if source == "nova" and len(running) > most:
        raise ConfigError(
            f"more than {most} servers run: their CPU time is not measured. With meter_source = "
            "gnocchi or prometheus it is"
        )
    little = SimpleNamespace(backfill_days=0, diagnostics_max_instances=1, diagnostics_per_second=1)
    with ThreadPoolExecutor(1) as calls:
        asked = meters.Asked(
            connection=connection,
            now=int(time.time()) // meters.GRID * meters.GRID,
            last={},
            running=running[:1],
            cursor={},
            settings=connection.entry.settings.meter_options,
            options=little,
            calls=calls,
            clock=time.time,
        )
        found = {name for window in meters.load(source)(asked) for name in window.ticks}
    measured = sorted(name.partition(".")[0] for name in found)
    return ", ".join(measured) or "nothing measured lately"


def _running(connection: Any, most: int) -> list[Any]:
    """List servers that run: not more than so many."""
    from itertools import chain, islice

    from openstats.clouds import nova

    pages = (page for page, _ in nova.servers(connection))
    running = (server for server in chain.from_iterable(pages) if server.status == "ACTIVE")
    return list(islice(running, most))


def _providers(connection: Any) -> str:
    """Tell how many providers there are; a cloud whose capacity is Nova's may do without."""
    from openstats.clouds import placement

    try:
        number = len(placement.providers(connection, {}, 0))
    except ServiceMissingError:
        if connection.entry.settings.capacity_source == "placement":
            raise
        return "not in the catalog: what can be given away is not known"
    return f"microversion {connection.placement.default_microversion}, {number} providers"


def _zones(connection: Any) -> str:
    from openstats.clouds import nova

    number = len(set(nova.zones(connection)[0].values()))
    return f"{number} availability zones, {len(nova.hosts(connection)[0])} hypervisors"


def trials(connection: Any, options: Any) -> Iterator[tuple[str, Callable[[], str]]]:
    """Give each thing that the collector will do, as something to try."""
    from openstats.clouds import cinder, keystone, nova
    from openstats.clouds.paging import Paging

    def projects() -> str:
        placings, warnings = keystone.placings(connection)
        nowhere = sum(placing.customer is None for placing in placings)
        return "; ".join([f"{len(placings)} projects, {nowhere} of them no customer's", *warnings])

    def servers() -> str:
        page, _ = next(nova.servers(connection, paging=Paging(1)))
        version = connection.nova.api_version.get_string()
        return f"microversion {version}, {'some' if page else 'no'} servers"

    def volumes() -> str:
        number = len(cinder.use(connection).use)
        version = connection.cinder.api_version.get_string()
        return f"microversion {version}, {number} tenants have some"

    def compute() -> str:
        return f"{len(nova.quotas(connection, connection.project))} resources"

    def storage() -> str:
        whole, types = cinder.quotas(connection, connection.project)
        return f"{len(whole)} resources, {len(types)} volume types"

    settings = connection.entry.settings
    yield "Keystone", projects
    if settings.capacity_source != "placement":
        yield "Nova, hypervisors", lambda: f"{nova.capacity(connection).vcpus} vCPUs"
    yield "Placement", lambda: _providers(connection)
    yield "Nova, zones", lambda: _zones(connection)
    yield "Nova, servers", servers
    yield "Nova, quotas", compute
    if settings.block_storage:
        yield "Cinder, volumes", volumes
        yield "Cinder, quotas", storage
    yield f"usage, {settings.meter_source}", lambda: _usage(connection, options)
