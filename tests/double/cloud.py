"""The double as tests and benchmarks use it: a cloud that can be started, changed and read.

`with Double() as double:` serves a small empty cloud; `tests.double.populate` makes larger ones.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any, Self

from tests.double.changes import Changes
from tests.double.server import Server
from tests.double.state import Domain, Flavor, Project, Service, State
from tests.double.web import Endpoint, Settings, Site

ADMIN_PROJECT = "7bb0e66dcaf447bfa03530c6fc9dda64"
SERVICE_PROJECT = "4c1d7f3e6a8b4f0e9d2c5b7a1e3f6d80"


def bare() -> State:
    """Make a cloud as Keystone's bootstrap leaves it: a domain, the projects admin and service."""
    state = State()
    state.domains["default"] = Domain("default", "Default")
    for key, name in ((ADMIN_PROJECT, "admin"), (SERVICE_PROJECT, "service")):
        state.projects[key] = Project(key, name, "default", "default")
    for binary in ("nova-conductor", "nova-scheduler"):
        state.services[binary] = Service(str(uuid.uuid4()), binary, "controller", "internal")
    return state


class Double(Changes):
    """A cloud on 127.0.0.1. `clock` gives Unix seconds; `latency` is added to every request."""

    def __init__(
        self,
        state: State | None = None,
        *,
        latency: float = 0.0,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        settings: Settings | None = None,
        identity: "Double | None" = None,
    ) -> None:
        """With `identity` it is another region under that double's Keystone: same projects,
        same tokens, its endpoints in the same catalog under its own settings' region.
        """
        super().__init__(bare() if state is None else state, clock)
        self.settings = settings or Settings()
        self._identity = identity
        self.site = Site(self.state, self.settings, clock, self.lock)
        if identity:
            self.state.domains = identity.state.domains
            self.state.projects = identity.state.projects
            self.site.tokens = identity.site.tokens
            self.site.catalog = identity.site.catalog
        self._server = Server(self.site, self.control, latency, port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve. After `stop` it comes back at the same port, with the same state."""
        self._server.start()
        region = self.settings.region
        kept = [each for each in self.site.catalog if each.region != region]
        self.site.catalog[:] = [*kept, *self._endpoints()]

    def stop(self) -> None:
        """End all connections and refuse new ones."""
        self._server.stop()

    @property
    def latency(self) -> float:
        """Seconds that every request takes at least; may be set while running."""
        return self._server.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._server.latency = seconds

    @property
    def url(self) -> str:
        """The root of all services."""
        return self.site.url

    @property
    def auth_url(self) -> str:
        """Keystone, as clouds.yaml names it."""
        return f"{(self._identity or self).url}/identity/v3"

    def clouds_entry(self) -> dict[str, Any]:
        """Give the cloud as an entry of clouds.yaml."""
        return {
            "auth": {
                "auth_url": self.auth_url,
                "username": self.settings.username,
                "password": self.settings.password,
                "project_name": "admin",
                "user_domain_id": "default",
                "project_domain_id": "default",
            },
            "region_name": self.settings.region,
            "identity_api_version": "3",
        }

    def project(self, name: str) -> Project:
        """Return the only project of a name."""
        (project,) = [each for each in self.state.projects.values() if each.name == name]
        return project

    def revoke_tokens(self) -> None:
        """All tokens are void: the next call with one gets 401."""
        with self.lock:
            self.site.tokens.clear()

    def control(self, path: str, order: dict[str, Any]) -> dict[str, Any]:
        """Orders by POST below /double: `touch` changes so many things in each of the tenants.

        touch: {"tenants": [ids] or a number, "boot": n, "delete_servers": n,
        "create_volumes": n, "delete_volumes": n}; a number of tenants means the first ones with
        servers. latency: {"seconds": s}. revoke: {}. state: {} tells how much there is.
        """
        with self.lock:
            if path == "touch":
                return {"tenants": self.touch(**order)}
            if path == "latency":
                self.latency = float(order["seconds"])
            elif path == "revoke":
                self.revoke_tokens()
            elif path != "state":
                raise LookupError(f"no order {path}")
            names = ("projects", "servers", "volumes", "snapshots", "hypervisors")
            return {name: len(getattr(self.state, name)) for name in names}

    def touch(
        self,
        tenants: list[str] | int,
        boot: int = 1,
        delete_servers: int = 0,
        create_volumes: int = 0,
        delete_volumes: int = 0,
    ) -> list[str]:
        """Change something in each of the tenants; gives their ids."""
        with self.lock:
            if isinstance(tenants, int):
                by_tenant = dict.fromkeys(each.tenant_id for each in self.state.servers.values())
                tenants = list(by_tenant)[:tenants]
            for tenant in tenants:
                for _ in range(boot):
                    self.boot(tenant, Flavor("m1.small", 1, 2048, 20))
                for key in self._first(self.state.servers, tenant, delete_servers):
                    self.delete_server(key)
                for _ in range(create_volumes):
                    self.create_volume(tenant, 1)
                for key in self._first(self.state.volumes, tenant, delete_volumes):
                    self.delete_volume(key)
            return tenants

    @staticmethod
    def _first(items: dict[str, Any], tenant: str, number: int) -> list[str]:
        return [key for key, each in items.items() if each.tenant_id == tenant][:number]

    def _endpoints(self) -> list[Endpoint]:
        region, url = self.settings.region, self.url
        project = "/%(project_id)s" if self.settings.volume_project_in_url else ""
        own = [
            Endpoint("compute", "nova", region, f"{url}/compute/v2.1"),
            Endpoint("placement", "placement", region, f"{url}/placement"),
            *(
                Endpoint(kind, "cinder", region, f"{url}/volume/v3{project}")
                for kind in self.settings.volume_catalog
            ),
        ]
        return [Endpoint("identity", "keystone", region, self.auth_url), *own]
