"""Severities of alerts: the one list of them, for options, figures and the store."""

from typing import Literal, get_args

Severity = Literal["Debug", "Info", "Warning", "Error"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
"""From the least to the worst; the store keeps positions in this order."""

WARNING, ERROR = "Warning", "Error"
"""The severities that rules of our own give."""
