"""The data model: plain, frozen values that the layers above pass to one another.

No I/O, and no arithmetic beyond a value's own properties. Units are those of
``openstats.meters``; times are Unix seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Scope:
    """What a caller may see: everything, or the objects named here by uuid and sums over them.

    A visible project shows all its tenants, and the names of its groups and customer. A visible
    tenant shows its project, but no other tenant of it. Customers and groups are visible even if
    they have no project. The tenants of ``clouds`` are in ``tenants`` as well.
    """

    projects: frozenset[str] | None = None
    tenants: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    clouds: frozenset[str] = frozenset()

    def __or__(self, scope: "Scope") -> "Scope":
        """Return the union of two scopes."""
        if self.projects is None or scope.projects is None:
            return EVERYTHING
        return Scope(
            self.projects | scope.projects,
            self.tenants | scope.tenants,
            self.customers | scope.customers,
            self.groups | scope.groups,
            self.clouds | scope.clouds,
        )

    @property
    def everything(self) -> bool:
        """Whether nothing is hidden from the caller."""
        return self.projects is None


EVERYTHING = Scope()
NO_ACCESS = Scope(projects=frozenset())


class Past(Enum):
    """Which deleted objects are covered, besides those that exist."""

    NONE = auto()
    SINCE = auto()
    """Those that were deleted since a time."""
    UNTIL_DELETED = auto()
    """Those that the caller could see until they were deleted."""
    EVER = auto()
    """Those that the caller could see at any time."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The objects that a statistic covers: those of one aggregate, or only those with the uuids.

    Only objects that exist are covered, unless ``since`` is given, as statistics of the past do:
    then also those deleted since that time, those that a uuid names, and with ``deleted`` all
    that ever existed.
    """

    aggregate: str = "customer"
    uuids: tuple[str, ...] = ()
    since: int | None = None
    deleted: bool = False

    @property
    def past(self) -> Past:
        """Which deleted objects are covered."""
        if self.since is None:
            return Past.NONE
        return Past.EVER if self.deleted or self.uuids else Past.SINCE


@dataclass(frozen=True, slots=True)
class Interval:
    """The half-open period ``[start, end)``, divided into ``datapoints`` equal parts."""

    start: int
    end: int
    datapoints: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the tenants and clouds that a figure covers are known.

    ``oldest`` is the time of the oldest figure; None if there is no figure at all.
    """

    tenants: int = 0
    tenants_known: int = 0
    clouds: int = 0
    clouds_known: int = 0
    oldest: int | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.tenants == self.tenants_known and self.clouds == self.clouds_known


@dataclass(frozen=True, slots=True)
class Cloud:
    """One OpenStack cloud: an auth_url and a region, named by its entry in clouds.yaml.

    ``keystone`` is the auth_url in its compared form: clouds that share it share their projects.
    ``disk_shared`` says that all its hypervisors report the same shared storage.
    """

    name: str
    auth_url: str
    region: str
    keystone: str
    id: int = 0
    uuid: str = ""
    disk_shared: bool = False


@dataclass(frozen=True, slots=True)
class Capacity:
    """Capacity and allocation of a cloud's hypervisors, by the names of ``meters.CAPACITY``.

    ``source`` is ``nova`` or ``placement``.
    """

    vcpus: int
    vcpus_used: int
    memory_mb: int
    memory_mb_used: int
    free_ram_mb: int
    free_disk_gb: int
    source: str = "nova"


@dataclass(frozen=True, slots=True)
class Inventory:
    """How much of one resource class a Placement provider has; ``used`` is the allocated part."""

    resource_class: str
    total: int
    reserved: int
    allocation_ratio: float
    used: int


@dataclass(frozen=True, slots=True)
class Provider:
    """A Placement resource provider; ``disabled`` says that its compute service takes no servers.

    ``name`` is the hypervisor's; ``read_at`` is when its inventories were read. ``sharing`` says
    that other providers of its aggregate use it; ``zone`` is its availability zone.
    """

    uuid: str
    name: str
    root: str
    generation: int
    disabled: bool
    inventories: tuple[Inventory, ...]
    read_at: int
    sharing: bool = False
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """A tenant's limit on one resource (``meters.UNLIMITED`` for none) and its use."""

    limit: int
    in_use: int


@dataclass(frozen=True, slots=True)
class VolumeTypeQuota:
    """A tenant's quotas on one volume type; None where the cloud does not report one."""

    volumes: Quota | None = None
    snapshots: Quota | None = None
    storage: Quota | None = None


class QuotaSum(NamedTuple):
    """Quotas of several tenants: the sum of limits, the number of unlimited ones, and the use."""

    limited: int
    unlimited: int
    in_use: int


@dataclass(frozen=True, slots=True)
class Instance:
    """A server that exists: ``ram`` in MiB, ``disk`` in MiB on its hypervisor.

    Its disk is root (0 if it has no image), ephemeral and swap. If a volume is attached as
    ``root_device``, ``root`` MiB of it are on that volume.

    ``host`` is the name of its hypervisor; empty if it has none or the cloud does not report it.
    ``updated_at`` is when it last changed, 0 if unknown; it is not stored.
    """

    uuid: str
    tenant: str
    name: str
    status: str
    vcpus: int
    ram: int
    disk: int
    created_at: int
    host: str = ""
    root: int = 0
    root_device: str = ""
    updated_at: int = 0


@dataclass(frozen=True, slots=True)
class Departure:
    """A deleted server: its last state, if the cloud shows it, and the time of its deletion."""

    uuid: str
    last: Instance | None = None
    ended_at: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """Tenants (row ids) and hypervisors (names) whose servers changed."""

    tenants: frozenset[int] = frozenset()
    hosts: frozenset[str] = frozenset()

    def __or__(self, changes: "Changes") -> "Changes":
        return Changes(self.tenants | changes.tenants, self.hosts | changes.hosts)


@dataclass(frozen=True, slots=True)
class VolumeUse:
    """A tenant's block storage: counts, GiB, and the creation time of its first volume."""

    volumes: int
    gigabytes: int
    snapshots: int
    snapshot_gigabytes: int
    first_created: int | None = None


class ObjectName(NamedTuple):
    """An aggregate object as responses show it; ``customer`` is None for customers themselves."""

    uuid: str
    name: str
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerCounts:
    """Numbers of a customer's projects, project groups and instances."""

    customer: ObjectName
    projects: int
    project_groups: int
    instances: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write a job's results; void once another collector takes the job over."""

    cloud: Cloud
    kind: str
    token: str
    cursor: Mapping[str, object] = field(default_factory=dict)
    polled_at: int | None = None
