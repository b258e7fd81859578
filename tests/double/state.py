"""What the double's cloud consists of: plain dataclasses, and the sums that are kept beside them.

In-use figures are counted when a thing comes or goes, never by walking over everything, so that
a thousand quota calls stay cheap. Times are Unix seconds. What an API makes of it, and what a
change means in OpenStack's own terms, does not live here.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

GIB_IN_MIB = 1024
DISABLED_TRAIT = "COMPUTE_STATUS_DISABLED"


@dataclass
class Domain:
    """A Keystone domain."""

    id: str
    name: str
    enabled: bool = True
    description: str = ""


@dataclass
class Project:
    """A Keystone project; `parent_id` is the domain's id at the top."""

    id: str
    name: str
    domain_id: str
    parent_id: str
    enabled: bool = True
    description: str = ""
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Flavor:
    """Sizes: vcpus, ram in MiB, disk and ephemeral in GiB, swap in MiB. `dedicated` takes PCPUs."""

    name: str
    vcpus: int
    ram: int
    disk: int
    ephemeral: int = 0
    swap: int = 0
    dedicated: bool = False

    @property
    def extra_specs(self) -> dict[str, str]:
        """What Nova shows of it."""
        return {"hw:cpu_policy": "dedicated"} if self.dedicated else {}


@dataclass
class Server:
    """A Nova server. Without `image`, or `on_volume`, its root is on a volume."""

    id: str
    name: str
    tenant_id: str
    flavor: Flavor
    hypervisor_id: str
    cell: str
    created: float
    updated: float
    status: str = "ACTIVE"
    image: str | None = None
    terminated: float | None = None
    # Which share of its vCPUs it burns, and when it was last started, if not when it was created.
    burn: float = 0.25
    started: float | None = None
    on_volume: bool = False
    root_device: str = "/dev/vda"

    @property
    def resources(self) -> dict[str, int]:
        """What it takes from its provider, as Nova asks Placement for it."""
        flavor = self.flavor
        root = flavor.disk if self.image and not self.on_volume else 0
        disk = root + flavor.ephemeral + -(-flavor.swap // GIB_IN_MIB)
        cpus = "PCPU" if flavor.dedicated else "VCPU"
        wanted = {cpus: flavor.vcpus, "MEMORY_MB": flavor.ram, "DISK_GB": disk}
        return {name: amount for name, amount in wanted.items() if amount}


@dataclass
class Volume:
    """A Cinder volume, size in GiB."""

    id: str
    name: str
    tenant_id: str
    size: int
    type: str
    created_at: float
    updated_at: float | None
    status: str = "available"
    server_id: str | None = None
    device: str = "/dev/vdb"


@dataclass
class Snapshot:
    """A Cinder snapshot; `size` is its volume's, in GiB."""

    id: str
    name: str
    tenant_id: str
    volume_id: str
    size: int
    type: str
    created_at: float
    updated_at: float | None
    status: str = "available"


@dataclass
class Service:
    """A Nova service on a host."""

    id: str
    binary: str
    host: str
    zone: str
    cell: str | None = None
    disabled: bool = False
    disabled_reason: str | None = None
    up: bool = True


@dataclass
class Provider:
    """A resource provider; `inventories` as Placement shows them, by resource class."""

    id: str
    name: str
    inventories: dict[str, dict[str, int | float]]
    traits: set[str] = field(default_factory=set)
    parent_id: str | None = None
    root_id: str = ""
    generation: int = 1
    usages: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.root_id = self.root_id or self.id

    def total(self, name: str) -> int:
        """Units of a resource class, without ratio or reservation."""
        return int(self.inventories.get(name, {}).get("total", 0))

    def taken(self, name: str) -> int:
        """Units in use or reserved: what Nova calls used."""
        return self.usages[name] + int(self.inventories.get(name, {}).get("reserved", 0))


@dataclass
class Hypervisor:
    """A compute node: Nova's view of the provider with the same id."""

    id: str
    name: str
    host: str
    cell: str
    provider: Provider
    running_vms: int = 0


@dataclass
class ComputeUse:
    """What Nova counts against a tenant's quota, in one cell."""

    instances: int = 0
    cores: int = 0
    ram: int = 0


@dataclass
class State:
    """Everything that a cloud of the double knows. Change it through `Changes` only."""

    domains: dict[str, Domain] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    deleted: dict[str, Server] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    hypervisors: dict[str, Hypervisor] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    providers: dict[str, Provider] = field(default_factory=dict)
    volume_types: list[str] = field(default_factory=lambda: ["fake"])
    pool_gb: int = 20000
    down_cells: set[str] = field(default_factory=set)
    limits: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    compute_use: defaultdict[str, defaultdict[str, ComputeUse]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(ComputeUse))
    )
    volume_use: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    pool_use: int = 0
    attached: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def occupy(self, server: Server, sign: int = 1) -> None:
        """Count a server on its hypervisor (sign 1), or no longer (-1)."""
        self.hypervisors[server.hypervisor_id].running_vms += sign
        provider = self.providers[server.hypervisor_id]
        for name, amount in server.resources.items():
            provider.usages[name] += sign * amount

    def charge(self, server: Server, sign: int = 1) -> None:
        """Count a server against its tenant's quota (sign 1), or no longer (-1)."""
        use = self.compute_use[server.tenant_id][server.cell]
        use.instances += sign
        use.cores += sign * server.flavor.vcpus
        use.ram += sign * server.flavor.ram

    def store(self, tenant_id: str, what: str, kind: str, size: int, sign: int = 1) -> None:
        """Count `what` ("volumes" or "snapshots") of a volume type and size (GiB)."""
        use = self.volume_use[tenant_id]
        for suffix in ("", f"_{kind}"):
            use[what + suffix] += sign
            use["gigabytes" + suffix] += sign * size
        self.pool_use += sign * size

    def compute_in_use(self, tenant_id: str) -> Mapping[str, int]:
        """Cores, instances and ram; like Nova, without the cells that are down."""
        cells = self.compute_use[tenant_id].items()
        seen = [use for cell, use in cells if cell not in self.down_cells]
        return {
            "instances": sum(use.instances for use in seen),
            "cores": sum(use.cores for use in seen),
            "ram": sum(use.ram for use in seen),
        }

    def service_of(self, hypervisor: Hypervisor) -> Service:
        """Find the nova-compute that manages the hypervisor."""
        return self.services[hypervisor.host]
