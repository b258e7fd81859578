"""Alerts in the HTTP API: their resource, and the receivers of notifications."""
