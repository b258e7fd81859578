"""The nouns: plain, frozen values that the floors above hand to one another.

No I/O and no arithmetic but what a noun says of itself. Units are those of ``openstats.meters``;
times are Unix seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Scope:
    """What a caller may see: everything, or what is named here by uuid, and what it sums to.

    A project is seen with all its tenants, and its groups and its customer by name; of the project
    of a single tenant no other tenant. Customers and groups are seen even without any project.
    The tenants of ``clouds`` are in ``tenants`` as well.
    """

    projects: frozenset[str] | None = None
    tenants: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    clouds: frozenset[str] = frozenset()

    def __or__(self, scope: "Scope") -> "Scope":
        """Return what is seen in either of two scopes."""
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


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects a statistic is asked about: an aggregate, and uuids of it (none: all).

    Those that exist; and where ``since`` is given, for statistics of the past, also those that
    vanished after it, those that a uuid names, and with ``deleted`` all that ever were.
    """

    aggregate: str = "customer"
    uuids: tuple[str, ...] = ()
    since: int | None = None
    deleted: bool = False

    @property
    def past(self) -> str:
        """Which objects are taken that do not exist any more: none, those since a time, or all."""
        if self.since is None:
            return "none"
        return "all" if self.deleted or self.uuids else "since"


@dataclass(frozen=True, slots=True)
class Interval:
    """The half-open time ``[start, end)`` in ``datapoints`` pieces."""

    start: int
    end: int
    datapoints: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what is asked about is known, and since when.

    ``oldest`` is the time of the oldest figure; None when there is no figure at all.
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
    ``disk_shared`` says that its hypervisors tell of one and the same disk.
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
    """What a cloud's hypervisors have, by the names of ``meters.CAPACITY``.

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
    """How much of one resource class a Placement provider has; ``used`` is what is allocated."""

    resource_class: str
    total: int
    reserved: int
    allocation_ratio: float
    used: int


@dataclass(frozen=True, slots=True)
class Provider:
    """A Placement resource provider; ``disabled`` says that its compute service takes no servers.

    ``name`` is the hypervisor's; ``read_at`` is when its inventories were read. ``sharing`` says
    that others of its aggregate take from it, ``zone`` in which availability zone it is.
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
    """A tenant's limit on one resource (``meters.UNLIMITED`` for none) and what it uses."""

    limit: int
    in_use: int


@dataclass(frozen=True, slots=True)
class VolumeTypeQuota:
    """A tenant's quotas on one volume type, by what they limit; None: the cloud does not tell."""

    volumes: Quota | None = None
    snapshots: Quota | None = None
    storage: Quota | None = None


class QuotaSum(NamedTuple):
    """Quotas of several tenants: the sum of the limited ones, how many are not, and the use."""

    limited: int
    unlimited: int
    in_use: int


@dataclass(frozen=True, slots=True)
class KeystoneProject:
    """A project as Keystone tells it, with the names that discovery makes customers from."""

    id: str
    name: str
    domain_id: str
    domain_name: str
    parent_id: str | None
    enabled: bool
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """What makes a discovered object the same one next time: a Keystone and a key in it."""

    keystone: str
    key: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """The customer (None: none) and the groups, by name, that discovery assigns a project to."""

    project: KeystoneProject
    customer: Origin | None
    customer_name: str = ""
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Instance:
    """A server that exists: ``ram`` in MiB, ``disk`` in MiB of its hypervisor's.

    Its disk is root (0 where it has no image), ephemeral and swap. Where a volume is attached as
    ``root_device``, ``root`` MiB of it are on that volume.

    ``host`` is its hypervisor's name, empty where it has none or the cloud does not tell.
    ``updated_at`` is when it changed last, 0 where nobody knows; it is not stored.
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
    """A server that was deleted: as it was at last, if the cloud shows it, and when it ended."""

    uuid: str
    last: Instance | None = None
    ended_at: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """Where servers changed: tenants by row id, hypervisors by name."""

    tenants: frozenset[int] = frozenset()
    hosts: frozenset[str] = frozenset()

    def __or__(self, changes: "Changes") -> "Changes":
        return Changes(self.tenants | changes.tenants, self.hosts | changes.hosts)


@dataclass(frozen=True, slots=True)
class VolumeUse:
    """What a tenant has in block storage: counts, GiB, and the date of its first volume."""

    volumes: int
    gigabytes: int
    snapshots: int
    snapshot_gigabytes: int
    first_created: int | None = None


class ObjectName(NamedTuple):
    """An aggregate object as answers show it; ``customer`` is None on customers themselves."""

    uuid: str
    name: str
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerCounts:
    """What a customer has: projects, groups and instances."""

    customer: ObjectName
    projects: int
    project_groups: int
    instances: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write a job's outcome; void once another collector took the job over."""

    cloud: Cloud
    kind: str
    token: str
    cursor: Mapping[str, object] = field(default_factory=dict)
    polled_at: int | None = None
