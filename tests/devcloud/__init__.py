"""A real OpenStack on one machine, for tests and for a first look: Cloud("A").up().

Keystone, Nova, Placement, Cinder and Glance are the real ones, of the current release or of Zed,
with real databases and messages; only the hypervisors and the storage are fakes, and Neutron is
a stub. Everything listens on 127.0.0.1, no system package is installed, no root is needed.
"""

from .cloud import Cloud
from .plan import DevcloudError
from .rest import RestError

__all__ = ["Cloud", "DevcloudError", "RestError"]
