"""The memory of a collector whose cloud answers with more than anybody could want."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.installation import Installation
from tests.double import Double
from tests.edge import Edge
from tests.edge.abuse import Endless, bomb, json

MOST = 300
"""MiB."""

ROUND = """
import sys
from pathlib import Path
from openstats.cli.main import main

main(["--config-file", sys.argv[1], "collect", "--once"])
print(next(row for row in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in row))
"""


def peak(installed: Installation) -> int:
    """Return the MiB that a round over all clouds takes at most, by itself."""
    command = [sys.executable, "-c", ROUND, str(installed.conf)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-2]) // 1024


@pytest.mark.parametrize(
    "action",
    [lambda: bomb(512), Endless, lambda: json(b'{"servers": [' + b"{}," * 500_000 + b"{}]}")],
    ids=["bomb", "endless", "values"],
)
def test_a_malicious_cloud_does_not_take_the_memory(
    installed: Installation, alpha: Double, edge: Edge, action: Callable[[], Any]
) -> None:
    edge.rule("GET", action())
    assert peak(installed) <= MOST
