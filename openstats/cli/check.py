"""``openstats check``: tries everything that openstats needs."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from cliff.lister import Lister

from openstats.cli.main import OpenstatsCommand
from openstats.errors import (
    CloudError,
    ConfigError,
    OpenstatsError,
    RefusedError,
    ServiceMissingError,
)

Line = tuple[str, str, str]
NO_RIGHT = "no right"


class Check(OpenstatsCommand, Lister):
    """Check the configuration, the store and each cloud: what answers, and which rights lack."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Say what the command takes."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            "clouds", nargs="*", metavar="CLOUD", help="only these entries of clouds.yaml"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        """List what was tried and what came of it."""
        self.failed = False
        return ("what", "state", "said"), list(self._lines(parsed_args))

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Exit with 0 only if everything works."""
        return super().run(parsed_args) or int(self.failed)

    def _lines(self, parsed_args: argparse.Namespace) -> Iterator[Line]:
        configuration = self._line(
            "configuration",
            lambda: ", ".join(dict.fromkeys(self.app.conf.config_file or [])) or "defaults",
        )
        yield configuration
        if "ok" in configuration:
            yield from self._configuration()
        yield self._line("store", lambda: str(self.app.store))
        if "ok" in configuration and self.app.conf.api.auth_strategy == "keystone":
            yield from self._service_user()
        yield from self._clouds(parsed_args.clouds)

    def _configuration(self) -> Iterator[Line]:
        """List what is wrong in the files although it can be read, and the policy files."""
        from openstats.api import security
        from openstats.conf.problems import problems

        for sentence in problems(self.app.conf):
            self.failed = True
            yield "configuration", "failed", sentence
        yield self._line(
            "policy", lambda: ", ".join(security.overridden(self.app.conf)) or "no rule is changed"
        )

    def _service_user(self) -> Iterator[Line]:
        from openstats.api import keystone
        from openstats.clouds import rights, service_user

        try:
            identity = keystone.identity(keystone.prepared(self.app.conf))
        except OpenstatsError as error:
            yield self._failure("API", error)
            return
        ask = rights.of_service_user(identity)
        for what in ("tokens", "groups"):
            tried = partial(getattr(service_user, what), identity)
            yield from self._trial(ask, f"API, {what}", f"API, {what}", tried)

    def _clouds(self, names: list[str]) -> Iterator[Line]:
        from openstats.cli.clouds import clouds
        from openstats.clouds import rights

        try:
            found = clouds(self.app.conf, names)
        except OpenstatsError as error:
            yield self._failure("clouds.yaml", error)
            return
        for name, fault in found.faults.items():
            yield self._failure(name, ConfigError(fault.reason))
        for name, connection in found.connections.items():
            for what, tried in _trials(connection, self.app.conf["usage"]):
                yield from self._trial(rights.of_cloud(connection), f"{name}: {what}", what, tried)

    def _trial(self, ask: Any, named: str, what: str, tried: Callable[[], str]) -> Iterator[Line]:
        """Give one line, or one for each right that is missing."""
        from openstats.clouds import rights

        found: list[rights.Right] = []
        try:
            line = named, "ok", tried()
            found = rights.missing(ask, what, quiet=True)
        except OpenstatsError as error:
            line = self._failure(named, error)
            if _may_be_a_right(error):
                with suppress(CloudError):
                    found = rights.missing(ask, what)
        self.failed |= bool(found)
        yield from [(named, NO_RIGHT, str(right)) for right in found] or [line]

    def _line(self, what: str, tried: Callable[[], str]) -> Line:
        try:
            return what, "ok", tried()
        except OpenstatsError as error:
            return self._failure(what, error)

    def _failure(self, what: str, error: OpenstatsError) -> Line:
        self.failed = True
        refused = isinstance(error, RefusedError) and "HTTP 403" in str(error)
        return what, NO_RIGHT if refused else "failed", str(error)


def _may_be_a_right(error: OpenstatsError) -> bool:
    """Tell whether a right explains it: a refusal, or an answer that lacks something."""
    return isinstance(error, RefusedError) or isinstance(error.__cause__, LookupError)


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


def _trials(connection: Any, options: Any) -> Iterator[tuple[str, Callable[[], str]]]:
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
