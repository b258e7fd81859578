"""Running ``openstats check``, and its lines."""

import json

from tests.cli.installation import Installation, Told


def lines(told: Told) -> dict[str, tuple[str, str]]:
    """Give state and words by what was tried."""
    return {line["check"]: (line["status"], line["detail"]) for line in json.loads(told.out)}


def check(installed: Installation, *clouds: str) -> tuple[int, dict[str, tuple[str, str]]]:
    told = installed.run("check", "-f", "json", *clouds)
    return told.status, lines(told)
