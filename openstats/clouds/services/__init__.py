"""Calls to the services of a cloud, one module for each service or subject."""
