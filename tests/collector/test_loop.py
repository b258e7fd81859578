"""The collector's loop ends by being told to, and by nothing else."""

from pathlib import Path

import pytest

from openstats.collector import heart
from openstats.errors import CollectorError
from tests.collector.lab import Lab, running
from tests.conftest import Postgresql
from tests.devcloud.process import wait_for
from tests.double import Double
from tests.edge import Edge


def read_only(postgres: Postgresql, lab: Lab, *, on: bool) -> None:
    """Make the lab's database one that can be read only, or not so any more."""
    value = "on" if on else "off"
    name = lab.store.url.database
    postgres.server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")
    # The setting is that of new connections.
    lab.store.close()
    postgres.server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )


def test_a_store_that_is_read_only_for_a_while_ends_no_loop(
    postgres: Postgresql, edge: Edge, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with postgres.store() as store, Lab(tmp_path, store, edge) as lab:
        lab.double()
        lab.use(collector__lease=3)
        collector = lab.collector()
        read_only(postgres, lab, on=True)
        with running(collector) as thread:
            wait_for("a word of it", lambda: "read-only" in caplog.text)
            assert thread.is_alive()
            read_only(postgres, lab, on=False)
            polled = "SELECT count(*) FROM job WHERE polled_at IS NOT NULL"
            wait_for("polls", lambda: lab.sql(polled)[0][0] > 0)
        assert "Traceback" not in caplog.text


def test_a_loop_that_stands_still_is_not_healthy(
    lab: Lab, alpha: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = lab.collector()
    collector.heart.check()
    with running(collector):
        collector.heart.check()
        monkeypatch.setattr(heart, "PATIENCE", -1)
        with pytest.raises(CollectorError, match="has not looked for work"):
            collector.heart.check()
    collector.heart.check()
