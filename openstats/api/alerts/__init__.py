"""Alerts over HTTP: listed, posted, and received."""
