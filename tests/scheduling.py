"""Which worker runs which tests, where several do: those that share real clouds stay together."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = "tests/functional/"


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """The largest piece first, which is that of the clouds; of all others each test is one."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Answer pytest-xdist."""
    return Scheduling(config, log)
