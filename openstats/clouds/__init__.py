"""OpenStack: the only package that calls clouds.

Its functions return plain values of ``openstats.model`` and raise ``CloudError``.
"""
