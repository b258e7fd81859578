"""What can happen to a cloud of the double: every change, in OpenStack's own terms.

`Changes` keeps the state's sums, times and generations right. Where the real services surprise,
so does it, and a comment names the place in their source.
"""

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping

from tests.double.state import (
    DISABLED_TRAIT,
    Domain,
    Flavor,
    Hypervisor,
    Project,
    Provider,
    Server,
    Service,
    Snapshot,
    State,
    Volume,
)

IMAGE = "c738d695-16d4-4de9-b0b4-6fa29194ab0c"


def inventory(total: int, ratio: float = 1.0, reserved: int = 0) -> dict[str, int | float]:
    """Make an inventory as Placement shows it."""
    return {
        "total": total,
        "reserved": reserved,
        "min_unit": 1,
        "max_unit": total,
        "step_size": 1,
        "allocation_ratio": ratio,
    }


class Changes:
    """Changes to `state`, each one whole for whoever asks meanwhile. `clock` gives Unix seconds."""

    def __init__(self, state: State, clock: Callable[[], float]) -> None:
        self.state = state
        self.clock = clock
        self.lock = threading.RLock()

    def create_domain(self, name: str, id: str | None = None) -> Domain:
        """Create a domain."""
        with self.lock:
            domain = Domain(id or uuid.uuid4().hex, name)
            self.state.domains[domain.id] = domain
            return domain

    def create_project(
        self,
        name: str,
        domain: str = "default",
        parent: str | None = None,
        tags: Iterable[str] = (),
        id: str | None = None,
    ) -> Project:
        """Create a project; `domain` and `parent` are ids."""
        with self.lock:
            project = Project(
                id or uuid.uuid4().hex, name, domain, parent or domain, tags=list(tags)
            )
            self.state.projects[project.id] = project
            return project

    def delete_project(self, id: str) -> None:
        """Keystone forgets it; its servers and volumes stay, as they do in OpenStack."""
        with self.lock:
            del self.state.projects[id]

    def set_quota(self, tenant: str, **limits: int) -> None:
        """Limits of Nova (instances, cores, ram) and Cinder (volumes, gigabytes, …)."""
        with self.lock:
            self.state.limits[tenant].update(limits)

    def boot(
        self,
        tenant: str,
        flavor: Flavor,
        name: str | None = None,
        *,
        hypervisor: str | None = None,
        image: str | None = IMAGE,
        status: str = "ACTIVE",
        created: float | None = None,
        id: str | None = None,
        on_volume: bool = False,
    ) -> Server:
        """Create a server, on the hypervisor (an id) or on the one with the fewest.

        `on_volume`: with a block device mapping beside the image, the root is on a new volume.
        """
        with self.lock:
            host = self.state.hypervisors[hypervisor] if hypervisor else self._emptiest()
            at = self._now(created)
            key = id or str(uuid.uuid4())
            server = Server(
                key,
                name or f"server-{key[:8]}",
                tenant,
                flavor,
                host.id,
                host.cell,
                at,
                at,
                status,
                image,
                on_volume=on_volume,
            )
            self.state.servers[key] = server
            if on_volume:
                volume = self.create_volume(tenant, flavor.disk, server=key, created=created)
                volume.device = "/dev/vda"
            self.state.charge(server)
            self.state.occupy(server)
            host.provider.generation += 1
            return server

    def set_status(self, id: str, status: str) -> None:
        """E.g. SHUTOFF, which still counts everywhere; SOFT_DELETED leaves the quota only."""
        with self.lock:
            server = self.state.servers[id]
            before, server.status = server.status, status
            server.updated = self._now()
            # nova/objects/instance.py, _instance_get_counts_in_db: not vm_state soft-delete.
            gone = (status == "SOFT_DELETED") - (before == "SOFT_DELETED")
            if gone:
                self.state.charge(server, -gone)

    def resize(self, id: str, flavor: Flavor) -> None:
        """Another flavor, on the same hypervisor."""
        with self.lock:
            server = self.state.servers[id]
            self.state.charge(server, -1)
            self.state.occupy(server, -1)
            server.flavor, server.updated = flavor, self._now()
            self.state.charge(server)
            self.state.occupy(server)
            self.state.providers[server.hypervisor_id].generation += 1

    def delete_server(self, id: str) -> None:
        """Delete a server: 404 by its id, DELETED for `changes-since`.

        Its provider's generation stays: unless reclaim_instance_interval is set, Nova sends
        DELETE /allocations (compute/manager.py, _complete_deletion), for which Placement
        increments nothing (objects/allocation.py, delete_all).
        """
        with self.lock:
            server = self.state.servers.pop(id)
            if server.status != "SOFT_DELETED":
                self.state.charge(server, -1)
            self.state.occupy(server, -1)
            server.status = "DELETED"
            server.updated = server.terminated = self._now()
            self.state.deleted[id] = server
            for attached in self.state.attached.pop(id, ()):
                volume = self.state.volumes[attached]
                volume.status, volume.server_id, volume.updated_at = "available", None, self._now()

    def create_volume(
        self,
        tenant: str,
        size: int,
        kind: str | None = None,
        *,
        name: str = "",
        server: str | None = None,
        created: float | None = None,
    ) -> Volume:
        """Create a volume of `size` GiB, attached when a server (id) is given."""
        with self.lock:
            at = self._now(created)
            volume = Volume(
                str(uuid.uuid4()),
                name,
                tenant,
                size,
                kind or self.state.volume_types[0],
                at,
                at,
                "in-use" if server else "available",
                server,
            )
            self.state.volumes[volume.id] = volume
            self.state.store(tenant, "volumes", volume.type, size)
            if server:
                self.state.attached[server].append(volume.id)
            return volume

    def extend_volume(self, id: str, size: int) -> None:
        """Make a volume larger; `size` in GiB."""
        with self.lock:
            volume = self.state.volumes[id]
            self.state.store(volume.tenant_id, "volumes", volume.type, volume.size, -1)
            volume.size, volume.updated_at = size, self._now()
            self.state.store(volume.tenant_id, "volumes", volume.type, size)

    def delete_volume(self, id: str) -> None:
        """Delete a volume, which leaves no trace in any list: Cinder shows no deleted ones."""
        with self.lock:
            volume = self.state.volumes.pop(id)
            self.state.store(volume.tenant_id, "volumes", volume.type, volume.size, -1)
            if volume.server_id:
                self.state.attached[volume.server_id].remove(id)

    def create_snapshot(self, volume: str, name: str = "") -> Snapshot:
        """Create a snapshot of a volume (id)."""
        with self.lock:
            of, at = self.state.volumes[volume], self._now()
            snapshot = Snapshot(
                str(uuid.uuid4()), name, of.tenant_id, of.id, of.size, of.type, at, at
            )
            self.state.snapshots[snapshot.id] = snapshot
            self.state.store(of.tenant_id, "snapshots", of.type, of.size)
            return snapshot

    def delete_snapshot(self, id: str) -> None:
        """Delete a snapshot."""
        with self.lock:
            gone = self.state.snapshots.pop(id)
            self.state.store(gone.tenant_id, "snapshots", gone.type, gone.size, -1)

    def add_hypervisor(
        self,
        name: str,
        *,
        vcpus: int = 64,
        ram: int = 262144,
        disk: int = 4000,
        pcpus: int = 0,
        cpu_ratio: float = 4.0,
        reserved: int = 512,
        zone: str = "nova",
        cell: str = "cell1",
        id: str | None = None,
    ) -> Hypervisor:
        """Add a hypervisor and its nova-compute (host = name); ram, reserved in MiB, disk GiB."""
        inventories = {
            "VCPU": inventory(vcpus, cpu_ratio),
            "PCPU": inventory(pcpus),
            "MEMORY_MB": inventory(ram, reserved=reserved),
            "DISK_GB": inventory(disk),
        }
        present = {kind: held for kind, held in inventories.items() if held["total"]}
        with self.lock:
            key = id or str(uuid.uuid4())
            provider = self.add_provider(name, present, {"COMPUTE_NODE"}, id=key)
            self.state.services[name] = Service(str(uuid.uuid4()), "nova-compute", name, zone, cell)
            hypervisor = Hypervisor(key, name, name, cell, provider)
            self.state.hypervisors[key] = hypervisor
            return hypervisor

    def add_provider(
        self,
        name: str,
        inventories: Mapping[str, dict[str, int | float]],
        traits: Iterable[str] = (),
        parent: str | None = None,
        id: str | None = None,
    ) -> Provider:
        """Add a provider that is no compute node by itself: nested (`parent`), or a shared pool."""
        with self.lock:
            root = self.state.providers[parent].root_id if parent else ""
            provider = Provider(
                id or str(uuid.uuid4()), name, dict(inventories), set(traits), parent, root
            )
            self.state.providers[provider.id] = provider
            return provider

    def disable_service(self, host: str, reason: str | None = None) -> None:
        """Take a host out of scheduling, and so out of Nova's statistics."""
        self._enable(host, False, reason)

    def enable_service(self, host: str) -> None:
        """Take a host back."""
        self._enable(host, True, None)

    def set_service_up(self, host: str, up: bool) -> None:
        """Whether the host's nova-compute reports; statistics count it all the same."""
        with self.lock:
            self.state.services[host].up = up

    def set_cell_down(self, cell: str, down: bool = True) -> None:
        """Whether Nova can reach the cell's database."""
        with self.lock:
            (self.state.down_cells.add if down else self.state.down_cells.discard)(cell)

    def _now(self, given: float | None = None) -> float:
        # As precise as the services' databases: a time that is read back must compare equal.
        return round(self.clock() if given is None else given, 6)

    def _enable(self, host: str, enabled: bool, reason: str | None) -> None:
        with self.lock:
            service = self.state.services[host]
            service.disabled, service.disabled_reason = not enabled, reason
            for hypervisor in self.state.hypervisors.values():
                if hypervisor.host == host:
                    traits = hypervisor.provider.traits
                    (traits.discard if enabled else traits.add)(DISABLED_TRAIT)
                    hypervisor.provider.generation += 1

    def _emptiest(self) -> Hypervisor:
        return min(self.state.hypervisors.values(), key=lambda each: each.running_vms)
