"""Installations with a store that is migrated; a cloud where a test asks for one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from openstack.config import loader

from tests.cli.installation import Installation, kept_process
from tests.conftest import Sqlite
from tests.double import Double, Size, populate
from tests.edge import Edge

SIZE = Size(projects=3, servers=6, volumes=3, hypervisors=1)


@pytest.fixture(autouse=True)
def own_process() -> Iterator[None]:
    """Give back what commands do to their process, which is the tests' here."""
    with kept_process():
        yield


@pytest.fixture
def bare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Installation:
    """Give an installation without store and clouds.yaml."""
    for name in ("HTTP_PROXY", "http_proxy", "OS_CLOUD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    # openstacksdk remembers where it was imported, and looks into /etc.
    for name in ("CONFIG", "SECURE", "VENDOR"):
        monkeypatch.setattr(loader, f"{name}_FILES", [])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Installation(tmp_path, capsys)


@pytest.fixture
def installed(bare: Installation, sqlite: Sqlite) -> Installation:
    """Give an installation with a store."""
    shutil.copyfile(sqlite.migrated, bare.store)
    return bare


@pytest.fixture
def alpha(installed: Installation) -> Iterator[Double]:
    """Give a cloud that is the one of clouds.yaml."""
    with Double() as double:
        populate(double, SIZE)
        installed.clouds(alpha=double.clouds_entry())
        yield double


@pytest.fixture
def edge(bare: Installation, edge: Edge) -> Edge:
    """Give an edge on the way to all clouds, whatever ``bare`` took out of the environment."""
    return edge
