"""The severities of alerts, as options, figures and the store use them."""

from typing import Literal, get_args

Severity = Literal["Debug", "Info", "Warning", "Error"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
"""In ascending order; the store keeps positions in this tuple."""

WARNING, ERROR = "Warning", "Error"
"""The severities that openstats' own rules assign."""
