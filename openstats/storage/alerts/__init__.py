"""Alerts: rows that open and end, and whose they are."""
