"""A double of an OpenStack cloud: Keystone, Nova, Cinder and Placement in one process.

For tests that must be fast and benchmarks that must be repeatable. It answers in the shapes of
the real services (`shape.py` holds it against them); that it does is checked on the devcloud.
Nothing of openstats lives here, and nothing here is used outside tests and benchmarks.
"""

from tests.double.cloud import ADMIN_PROJECT, Double, bare
from tests.double.populate import FLAVORS, Size, populate
from tests.double.state import Flavor, State
from tests.double.web import Settings

__all__ = [
    "ADMIN_PROJECT",
    "FLAVORS",
    "Double",
    "Flavor",
    "Settings",
    "Size",
    "State",
    "bare",
    "populate",
]
