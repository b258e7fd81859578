"""The single checks of a cloud, in order: one for each kind of call that the collector makes."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from openstats.cli.check.lines import Attempt, DoubtfulDetail
from openstats.errors import ConfigError, ServiceMissingError
from openstats.names import counted

if TYPE_CHECKING:
    from openstats.clouds.connection import Connection
    from openstats.clouds.services.keystone import ProjectList
    from openstats.model import Instance

KEYSTONE, CUSTOMERS, CLOCKS = "Keystone", "customers", "clocks"


def _usage(connection: "Connection", max_diagnostics: int) -> str:
    """Return the names of the items that the meter source measures, from a small sample."""
    source = connection.entry.settings.meter_source
    servers = _running(connection, max_diagnostics + 1)
    if source == "nova" and len(servers) > max_diagnostics:
        raise ConfigError(
            f"more than {max_diagnostics} servers are running, so CPU time is not measured: set "
            "meter_source = gnocchi or prometheus, or raise [usage] diagnostics_max_instances"
        )
    return ", ".join(_measured(connection, source, servers[:1])) or "no recent measurements"


def _measured(connection: "Connection", source: str, servers: list["Instance"]) -> list[str]:
    """Return the names of the items that a meter source measures of servers, by one request."""
    import time
    from concurrent.futures import ThreadPoolExecutor
    from types import SimpleNamespace

    from openstats.clouds import meters

    options = SimpleNamespace(
        backfill_days=0, diagnostics_max_instances=1, diagnostics_per_second=1
    )
    names: set[str] = set()
    with ThreadPoolExecutor(1) as calls:
        request = meters.MeterRequest(
            connection=connection,
            now=int(time.time()) // meters.GRID * meters.GRID,
            last={},
            running=servers,
            cursor={},
            settings=connection.entry.settings.meter_options,
            options=options,
            calls=calls,
            clock=time.time,
        )
        for batch in meters.load(source)(request):
            names |= {name.partition(".")[0] for name in batch.deltas}
    return sorted(names)


def _customers(connection: "Connection", listing: "ProjectList") -> str:
    """Return the numbers of customers and of projects without one, and settings without effect."""
    from openstats.clouds.clouds_yaml import customer_rules
    from openstats.clouds.services import keystone

    assignments, warnings = keystone.assign(connection, listing.projects)
    nowhere = sum(assignment.customer is None for assignment in assignments)
    number = len({assignment.customer for assignment in assignments} - {None})
    words = f"{counted(number, 'customer')}; {counted(nowhere, 'project')} without a customer"
    unused = customer_rules.list_unused_names(listing.projects, connection.entry.settings)
    if warnings or unused:
        return DoubtfulDetail("; ".join([words, *warnings, *unused]))
    return words


def _running(connection: "Connection", limit: int) -> list["Instance"]:
    """Return at most ``limit`` running servers."""
    from itertools import chain, islice

    from openstats.clouds.services import nova

    pages = (page for page, _ in nova.servers(connection))
    running = (server for server in chain.from_iterable(pages) if server.status == "ACTIVE")
    return list(islice(running, limit))


def _providers(connection: "Connection") -> str:
    """Return the number of providers; a cloud may lack Placement if Nova has its capacity."""
    from openstats.clouds.services import placement

    try:
        number = len(placement.providers(connection, {}, 0))
    except ServiceMissingError:
        if connection.entry.settings.capacity_source == "placement":
            raise
        return "not in the catalog: allocatable capacity is unknown"
    return (
        f"microversion {connection.placement.default_microversion}, {counted(number, 'provider')}"
    )


def _zones(connection: "Connection") -> str:
    from openstats.clouds.services import nova

    number = len(set(nova.zones(connection)[0].values()))
    hosts = counted(len(nova.hypervisor_hosts(connection)[0]), "hypervisor")
    return f"{counted(number, 'availability zone')}, {hosts}"


def _clocks(connection: "Connection") -> str:
    """Return which clocks are wrong, according to the responses to all other trials."""
    sentences = connection.clock_skew.sentences
    return DoubtfulDetail("; ".join(sentences)) if sentences else "no clock is off by a minute"


def _servers(connection: "Connection") -> str:
    from openstats.clouds.paging import Paging
    from openstats.clouds.services import nova

    page, _ = next(nova.servers(connection, paging=Paging(1)))
    version = connection.nova.api_version.get_string()
    return f"microversion {version}, {'servers' if page else 'no servers'} found"


def _compute_quotas(connection: "Connection") -> str:
    from openstats.clouds.services import nova

    return counted(len(nova.quotas(connection, connection.project)), "resource")


def _volumes(connection: "Connection") -> str:
    from openstats.clouds.services import cinder

    number = len(cinder.sum_by_tenant(connection).use)
    version = connection.cinder.api_version.get_string()
    return f"microversion {version}, {counted(number, 'tenant')} with volumes"


def _storage_quotas(connection: "Connection") -> str:
    from openstats.clouds.services import cinder

    quotas, types, problem = cinder.quotas(connection, connection.project)
    resources = f"{counted(len(quotas), 'resource')}, {counted(len(types), 'volume type')}"
    return f"{resources}; {problem}" if problem else resources


def trials(connection: "Connection", max_diagnostics: int) -> Iterator[tuple[str, Attempt]]:
    """Yield each step of the collector, with an attempt at it."""
    from openstats.clouds.services import keystone, nova

    listings: list[ProjectList] = []

    def projects() -> str:
        listings.append(keystone.projects(connection))
        return counted(len(listings[0].projects), "project")

    settings = connection.entry.settings
    yield KEYSTONE, projects
    yield CUSTOMERS, lambda: _customers(connection, listings[0])
    if settings.capacity_source != "placement":
        yield "Nova, hypervisors", lambda: counted(nova.capacity(connection).vcpus, "vCPU")
    yield "Placement", partial(_providers, connection)
    yield "Nova, zones", partial(_zones, connection)
    yield "Nova, servers", partial(_servers, connection)
    yield "Nova, quotas", partial(_compute_quotas, connection)
    if settings.block_storage:
        yield "Cinder, volumes", partial(_volumes, connection)
        yield "Cinder, quotas", partial(_storage_quotas, connection)
    yield f"usage, {settings.meter_source}", partial(_usage, connection, max_diagnostics)
    yield CLOCKS, partial(_clocks, connection)
