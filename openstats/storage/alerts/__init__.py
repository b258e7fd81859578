"""Alerts: their rows, episodes and owners; how alerts are opened, updated, closed and counted.

What notifications mean is decided in ``statistics``; entries of lists are in ``entries``.
"""
