"""Cinder's fake volume driver, with a pool that fills up.

The stock one always reports 5 GiB, and so refuses most volumes.
"""

from cinder import context, objects
from cinder.tests import fake_driver

TOTAL_GIB = 20000.0


class FakePool(fake_driver.FakeLoggingVolumeDriver):
    def _update_volume_stats(self):
        try:
            admin = context.get_admin_context()
            sizes = [v.size or 0 for v in objects.VolumeList.get_all_by_host(admin, self.host)]
        except Exception:  # the first report comes before the database is there
            sizes = []
        name = self.configuration.safe_get("volume_backend_name") or "fake"
        pool = {
            "pool_name": name,
            "total_capacity_gb": TOTAL_GIB,
            "free_capacity_gb": TOTAL_GIB - sum(sizes),
            "allocated_capacity_gb": sum(sizes),
            "provisioned_capacity_gb": sum(sizes),
            "reserved_percentage": 0,
            "max_over_subscription_ratio": "1.0",
            "thin_provisioning_support": False,
            "thick_provisioning_support": True,
            "total_volumes": len(sizes),
            "QoS_support": False,
            "multiattach": True,
            "location_info": f"devcloud:{name}",
        }
        self._stats = {
            "volume_backend_name": name,
            "vendor_name": "devcloud",
            "driver_version": self.VERSION,
            "storage_protocol": "iSCSI",
            "pools": [pool],
        }

    def get_volume_stats(self, refresh=False):
        self._update_volume_stats()
        return self._stats

    def extend_volume(self, volume, new_size):
        """Nothing to do; the stock one fails on Zed."""

    def clone_image(self, context, volume, image_location, image_meta, image_service):
        """Have the image on the volume without a copy, which the stock one has no place for."""
        return {}, True
