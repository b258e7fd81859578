"""Nova's fake virt driver, with many hypervisors in one nova-compute, and guests that burn CPU.

Install copies this file to nova/virt/devcloud.py: Nova loads drivers from there only.
"""

import os
import time
import uuid

from nova.compute import power_state
from nova.virt import fake

BURN = 0.25
"""The share of its vCPUs that every guest burns."""


class Guests(dict):
    """Guests outlast nova-compute, as on a real hypervisor: an unknown one runs since before."""

    def __contains__(self, key):
        return True

    def __missing__(self, key):
        self[key] = fake.FakeInstance(key, power_state.RUNNING, key)
        return self[key]

    def __delitem__(self, key):
        self.pop(key, None)


class ManyNodes(fake.FakeDriver):
    vcpus = 64
    memory_mb = 256 * 1024
    local_gb = 4000

    def init_host(self, host):
        super().init_host(host)
        self.instances = Guests(self.instances)
        self._devcloud_nodes = os.environ["DEVCLOUD_NODES"].split(",")
        if hasattr(self, "_set_nodes"):
            self._set_nodes(self._devcloud_nodes)

    def get_available_nodes(self, refresh=False):
        return list(self._devcloud_nodes)

    @staticmethod
    def _uuid(node):
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, node))

    def get_nodenames_by_uuid(self, refresh=False):
        return {self._uuid(node): node for node in self._devcloud_nodes}

    def get_available_resource(self, nodename):
        return {**super().get_available_resource(nodename), "uuid": self._uuid(nodename)}

    def get_instance_diagnostics(self, instance):
        found = super().get_instance_diagnostics(instance)
        found.cpu_details, found.num_cpus = [], 0
        burnt = BURN * (time.time() - instance.created_at.timestamp())
        for number in range(instance.flavor.vcpus):
            found.add_cpu(id=number, time=int(burnt * 1e9))
        return found
