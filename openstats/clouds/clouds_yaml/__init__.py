"""Reads clouds.yaml, and assigns projects to customers by the settings in it."""
