"""The statistics service for OpenStack clouds and the portals that sell them."""

__version__ = "0.6.0"
