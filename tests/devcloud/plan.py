"""Names, ports, directories and settings of one cloud, and of a release."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
INSIDE = HERE / "inside"
PASSWORD = "devcloud-secret"
DATABASES = (
    "keystone",
    "nova_api",
    "nova_cell0",
    "nova_cell1",
    "placement",
    "cinder",
    "glance",
)
# In the order of their offset from the port base.
PORTS = (
    "keystone",
    "nova",
    "placement",
    "cinder",
    "glance",
    "neutron",
    "rabbitmq",
    "rabbitmq-peers",
    "epmd",
    "postgres",
)
VERSIONS = {"keystone": "/v3", "nova": "/v2.1", "cinder": "/v3"}


class DevcloudError(Exception):
    """Something that the person who runs the cloud has to know or to change."""


def cache() -> Path:
    """Installs and clouds live outside the checkout: they outlast it and are big."""
    if given := os.environ.get("OPENSTATS_DEVCLOUD"):
        return Path(given).resolve()
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home).resolve() / "openstats" / "devcloud"


def library_path(root: Path) -> str:
    """Where the shared libraries of unpacked Debian packages are."""
    return ":".join(str(p) for top in ("usr/lib", "lib") for p in root.glob(f"{top}/*-linux-gnu*"))


@dataclasses.dataclass(frozen=True)
class Release:
    """An installed OpenStack release: `current` from PyPI, `zed` from Debian 12."""

    name: str

    @property
    def home(self) -> Path:
        return cache() / "releases" / self.name

    @property
    def debian(self) -> bool:
        return self.name == "zed"

    @property
    def packages(self) -> Path:
        return self.home / "packages"

    @property
    def root(self) -> Path:
        """The unpacked Debian packages (zed only)."""
        return self.packages / "root"

    @property
    def venv(self) -> Path:
        return self.packages / "venv"

    @property
    def databases(self) -> Path:
        """Empty, migrated databases: made once, copied for every new cloud."""
        return self.home / "databases"

    @property
    def site_packages(self) -> Path:
        if self.debian:
            return self.root / "usr/lib/python3/dist-packages"
        return next(self.venv.glob("lib/python3*/site-packages"))

    def program(self, name: str) -> str:
        return str(self.venv / "bin" / name)


RELEASES = {name: Release(name) for name in ("current", "zed")}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What may be chosen for a cloud; `up` keeps it with the cloud's state."""

    release: str = "current"
    port_base: int = 15000
    region: str = "RegionOne"
    computes: int = 1  # nova-compute processes
    nodes: int = 4  # hypervisors of each of them
    nova_max_limit: int | None = None
    cinder_max_limit: int | None = None
    soft_delete: bool = False  # Nova keeps deleted servers as SOFT_DELETED for a day

    # Written into the databases of a cloud, so fixed as long as its state exists.
    FIXED = ("release", "port_base", "region")

    @classmethod
    def load(cls, path: Path) -> Settings | None:
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")

    @classmethod
    def choose(cls, name: str, kept: Settings | None, given: dict[str, Any]) -> Settings:
        """What is given now, over what the cloud was made with, over the defaults."""
        chosen = dataclasses.replace(kept or cls(), **given)
        if chosen.release not in RELEASES:
            raise DevcloudError(f"release {chosen.release!r}: known are {', '.join(RELEASES)}")
        for field in cls.FIXED:
            if kept and getattr(kept, field) != getattr(chosen, field):
                raise DevcloudError(
                    f"cloud {name} was made with {field} {getattr(kept, field)}, "
                    f"not {getattr(chosen, field)}: wipe it first (down --wipe)"
                )
        return chosen


class Plan:
    """Where everything of one cloud is to be found."""

    def __init__(self, name: str, settings: Settings, state: Path | None = None) -> None:
        self.name = name
        self.settings = settings
        self.release = RELEASES[settings.release]
        self.state = state or cache() / "clouds" / name
        self.conf = self.state / "conf"
        self.log = self.state / "log"
        self.pid = self.state / "pid"
        self.inside = self.state / "inside"
        self.postgres = self.state / "postgres"
        self.sqlite = self.state / "placement.sqlite"
        self.ports = {port: settings.port_base + i for i, port in enumerate(PORTS)}

    @property
    def auth_url(self) -> str:
        return self.url("keystone")

    @property
    def transport_url(self) -> str:
        return f"rabbit://guest:guest@127.0.0.1:{self.ports['rabbitmq']}/"

    @property
    def compute_hosts(self) -> list[str]:
        return [f"{self.name}-compute-{i}" for i in range(1, self.settings.computes + 1)]

    def hypervisors(self, compute: int) -> list[str]:
        numbers = range(1, self.settings.nodes + 1)
        return [f"{self.name}-hv-{compute}-{n:03d}" for n in numbers]

    def root_url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def url(self, service: str) -> str:
        """The endpoint of a service, without a project id."""
        return self.root_url(service) + VERSIONS.get(service, "")

    def database_url(self, database: str) -> str:
        # Placement answers 500 to GET /usages at microversion 1.38 and above on
        # PostgreSQL (it groups by a label), so it alone has SQLite.
        if database == "placement":
            return f"sqlite:///{self.sqlite}?timeout=60"
        return f"postgresql+psycopg2://openstack@127.0.0.1:{self.ports['postgres']}/{database}"
