"""The lab, on SQLite unless a test is about the store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from openstats.storage.store import Store
from tests.collector.lab import Lab
from tests.conftest import Sqlite
from tests.double import Double
from tests.edge import Edge


@pytest.fixture
def edge(edge: Edge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Edge:
    """Yield an edge, beside the test's own clouds.yaml."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    monkeypatch.setenv("NOVACLIENT_UUID_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("OS_CLOUD", raising=False)
    return edge


@pytest.fixture
def lab(edge: Edge, tmp_path: Path, sqlite: Sqlite) -> Iterator[Lab]:
    """Yield a lab on SQLite."""
    with sqlite.store() as store, Lab(tmp_path, store, edge) as lab:
        yield lab


@pytest.fixture
def either_lab(edge: Edge, tmp_path: Path, store: Store) -> Iterator[Lab]:
    """Yield a lab on each kind of store."""
    with Lab(tmp_path, store, edge) as lab:
        yield lab


@pytest.fixture
def alpha(lab: Lab) -> Double:
    """Return a small cloud of the lab that was not asked yet."""
    return lab.double()


@pytest.fixture
def settled(lab: Lab, alpha: Double) -> Double:
    """Return a cloud in which nothing has happened since it was read."""
    assert lab.cycle() == []
    return alpha
