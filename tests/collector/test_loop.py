"""A collector's loop that stands still is noticed."""

import pytest

from openstats.collector import heartbeat
from openstats.errors import CollectorError
from tests.collector.lab import Lab, running
from tests.double import Double


def test_a_loop_that_stands_still_is_not_healthy(
    lab: Lab, alpha: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = lab.collector()
    collector.heartbeat.check()
    with running(collector):
        collector.heartbeat.check()
        monkeypatch.setattr(heartbeat, "STUCK_AFTER", -1)
        with pytest.raises(CollectorError, match="has not looked for work"):
            collector.heartbeat.check()
    collector.heartbeat.check()
