"""OpenStack: the only room that talks to clouds, one module a service.

What comes back are plain values of ``openstats.model``; whatever goes wrong is a ``CloudError``.
"""
