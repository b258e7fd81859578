"""A cloud: brought up, looked at, disturbed, taken down."""

from __future__ import annotations

import contextlib
import datetime
import shutil
import sqlite3
from collections.abc import Sequence
from typing import Any

from . import catalog, config, install, postgres, quiet, rabbitmq, seed, services
from .plan import PASSWORD, RELEASES, DevcloudError, Plan, Settings, cache
from .process import Processes, lock, memory_kib, port_taken, session_members, wait_for
from .progress import say, step
from .rest import Rest, RestError, request


class Cloud:
    """One cloud. Settings: see plan.Settings; those not given are as its state has them."""

    def __init__(self, name: str = "A", **settings: Any) -> None:
        self.name = name
        self._kept = cache() / "clouds" / name / "settings.json"
        kept = Settings.load(self._kept)
        self.plan = Plan(name, Settings.choose(name, kept, settings))
        self.processes = Processes(self.plan.pid, self.plan.log)
        self.rest = Rest(self.plan)

    # -- install, up, down

    def install(self) -> None:
        install.install(RELEASES[self.plan.settings.release])

    @property
    def is_up(self) -> bool:
        return set(services.names(self.plan)) <= set(self.processes.alive())

    def up(self) -> None:
        """Bring the cloud up: a new one, or one that went down with its state."""
        with lock(cache() / "clouds" / f"{self.name}.lock"):
            if self.is_up:
                self._refuse_other_settings()
                return
            self.install()
            self.processes.stop_all(services.BASE)  # what is left of a cloud half up
            self._check_ports()
            self.plan.settings.save(self._kept)
            complete = self.plan.state / ".complete"
            if not complete.exists():
                self._wipe_data()
            config.write(self.plan)
            try:
                self._start(fresh=not complete.exists())
            except BaseException:
                self.processes.stop_all(services.BASE)
                raise
            complete.touch()
            say(f"cloud {self.name} is up: {self.auth_url}")

    def _refuse_other_settings(self) -> None:
        if (kept := Settings.load(self._kept)) != self.plan.settings:
            raise DevcloudError(f"cloud {self.name} is up with {kept}: take it down first")

    def _check_ports(self) -> None:
        for name, port in self.plan.ports.items():
            if port_taken(port):
                raise DevcloudError(f"port {port} (for {name}) is taken: choose another port base")

    def _wipe_data(self) -> None:
        """What an interrupted first `up` left."""
        self.plan.sqlite.unlink(missing_ok=True)
        for path in (self.plan.postgres, self.plan.state / "rabbitmq", self.plan.log):
            shutil.rmtree(path, ignore_errors=True)

    def down(self, wipe: bool = False) -> None:
        """End every process; the state stays unless it is to be wiped."""
        with lock(cache() / "clouds" / f"{self.name}.lock"):
            if self.processes.started():
                with step(f"cloud {self.name}: down"):
                    self.processes.stop_all(services.BASE)
            if wipe:
                shutil.rmtree(self.plan.state, ignore_errors=True)

    # -- single processes

    def start(self, name: str) -> None:
        """Start one process; an API answers and a database listens when this returns."""
        if name in self.processes.alive():
            return
        before = datetime.datetime.now(datetime.UTC)
        self._spawn([name])
        if name == "postgres":
            self._wait("PostgreSQL", lambda: postgres.ready(self.plan))
        elif name in ("epmd", "rabbitmq"):
            self._wait(name, lambda: port_taken(self.plan.ports[name]))
        elif name in services.APIS:
            self._wait(name, lambda: self._answers(name))
        else:
            self._wait(name, lambda: self._reports([name], before))

    def stop(self, name: str) -> None:
        self.processes.stop([name])

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def _spawn(self, names: Sequence[str]) -> None:
        """Start processes side by side, without waiting for any."""
        for name in names:
            self.processes.spawn(name, *services.command(self.plan, name), cwd=self.plan.state)

    def _answers(self, service: str) -> bool:
        try:
            request("GET", self.plan.root_url(service) + "/")
        except RestError as error:
            return error.status < 500
        return True

    def _reports(self, workers: Sequence[str], since: datetime.datetime) -> bool:
        """Say whether these workers have written a sign of life into their database.

        They do so when they have begun to listen for messages: what is sent before is lost.
        """
        for database, service in (("nova_cell1", "nova"), ("cinder", "cinder")):
            query = f"SELECT \"binary\", host FROM services WHERE updated_at > '{since:%F %T.%f}'"
            rows = postgres.execute(self.plan, database, query).splitlines()
            alive = {services.worker(self.plan, *row.split("|")) for row in rows}
            if not alive.issuperset(name for name in workers if name.startswith(service)):
                return False
        return True

    def _wait(self, what: str, ready: Any, timeout: float = 180) -> None:
        def watched() -> Any:
            self.processes.check()
            return ready()

        wait_for(what, watched, timeout)

    # -- the steps of `up`

    def _start(self, fresh: bool) -> None:
        with step(f"cloud {self.name}: databases"):
            self._start_base(fresh)
        with step(f"cloud {self.name}: Keystone"):
            if fresh:
                self._bootstrap()
            self.start("keystone")
            if fresh:
                catalog.service_users(self.rest)
                self.catalog()
        with step(f"cloud {self.name}: services"):
            before = datetime.datetime.now(datetime.UTC)
            self._wait("RabbitMQ", lambda: port_taken(self.plan.ports["rabbitmq"]))
            self._spawn([*services.APIS[1:], *services.workers(self.plan)])
            for name in services.APIS:
                self._wait(name, lambda name=name: self._answers(name))
        count = self.plan.settings.nodes * self.plan.settings.computes
        with step(f"cloud {self.name}: {count} hypervisors, storage pools"):
            self._wait("hypervisors in Placement", self._all_hypervisors)
            self._wait("mapped compute hosts", self._all_hosts_mapped)
            workers = services.workers(self.plan)
            self._wait("workers", lambda: self._reports(workers, before))
            catalog.flavors(self.rest)
            catalog.volume_type(self.rest)
            catalog.image(self.rest)
            self._wait("storage pools", self._pools)

    def _start_base(self, fresh: bool) -> None:
        rabbitmq.write_config(self.plan)
        self.start("epmd")
        self._spawn(["rabbitmq"])
        if fresh:
            template = self.plan.release.databases
            shutil.copy(template / "placement.sqlite", self.plan.sqlite)
            postgres.copy(template / "postgres", self.plan.postgres)
        self.start("postgres")
        if fresh:
            self._place_cells()

    def _place_cells(self) -> None:
        """What `nova-manage cell_v2 update_cell` does, in a hundredth of its time."""
        for cell in ("cell0", "cell1"):
            url = self.plan.database_url(f"nova_{cell}")
            change = f"database_connection = '{url}'"
            if cell == "cell1":
                change += f", transport_url = '{self.plan.transport_url}'"
            statement = f"UPDATE cell_mappings SET {change} WHERE name = '{cell}'"
            postgres.execute(self.plan, "nova_api", statement)

    def _bootstrap(self) -> None:
        config.write_keys(self.plan)
        options = {
            "--bootstrap-password": PASSWORD,
            "--bootstrap-region-id": self.plan.settings.region,
            "--bootstrap-public-url": self.auth_url,
            "--bootstrap-internal-url": self.auth_url,
            "--bootstrap-admin-url": self.auth_url,
        }
        words = [word for option in options.items() for word in option]
        files = config.arguments(self.plan, "keystone")
        install.manage(self.plan, "keystone-manage", *files, "bootstrap", *words)

    def _all_hypervisors(self) -> bool:
        answer = self.rest.call("GET", "placement", "/resource_providers", None, "1.36")
        wanted = self.plan.settings.nodes * self.plan.settings.computes
        return len(answer["resource_providers"]) >= wanted

    def _all_hosts_mapped(self) -> bool:
        """Nova's scheduler does that by itself, every five seconds."""
        known = postgres.execute(self.plan, "nova_api", "SELECT host FROM host_mappings")
        return set(self.plan.compute_hosts) <= set(known.split())

    def _pools(self) -> list[Any]:
        return self.rest.call("GET", "cinder", "/scheduler-stats/get_pools")["pools"]

    # -- what a client needs

    @property
    def auth_url(self) -> str:
        return self.plan.auth_url

    def clouds_entry(self) -> dict[str, Any]:
        """The cloud's entry of a clouds.yaml."""
        auth = {
            "auth_url": self.auth_url,
            "username": "admin",
            "password": PASSWORD,
            "project_name": "admin",
            "user_domain_id": "default",
            "project_domain_id": "default",
        }
        region = self.plan.settings.region
        return {"auth": auth, "region_name": region, "identity_api_version": 3}

    def catalog(self, block_storage_types: Sequence[str] = catalog.BLOCK_STORAGE_TYPES) -> None:
        """Rewrite the service catalog."""
        catalog.endpoints(self.rest, self.plan, block_storage_types)

    def seed(self, **numbers: int) -> None:
        seed.seed(self.rest, **numbers)

    def status(self) -> dict[str, tuple[int, float]]:
        """Process id and memory in MiB (with its workers) of every process that is alive."""
        return {
            name: (pid, sum(map(memory_kib, session_members(pid))) / 1024)
            for name, pid in self.processes.alive().items()
        }

    # -- behind the services' backs

    def sql(self, database: str, query: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows of one of the cloud's own databases; parameters are written %s."""
        if database == "placement":
            source = f"file:{self.plan.sqlite}?mode=ro"
            with contextlib.closing(sqlite3.connect(source, uri=True, timeout=60)) as connection:
                connection.row_factory = sqlite3.Row
                found = connection.execute(query.replace("%s", "?"), params).fetchall()
            return [dict(row) for row in found]
        import psycopg  # only tests ask, and only they need the driver
        from psycopg.rows import dict_row

        url = f"postgresql://openstack@127.0.0.1:{self.plan.ports['postgres']}/{database}"
        with psycopg.connect(url, row_factory=dict_row) as connection:
            return connection.execute(query, params or None).fetchall()

    def wait_until_quiet(self, timeout: float = 120) -> None:
        """Nothing under way, and Nova's, Placement's and Cinder's figures at rest."""
        quiet.wait(self.rest, self.sql, timeout)

    def cell_down(self) -> None:
        """Make the database of Nova's cell1 unreachable for everybody."""
        for statement in (
            "ALTER DATABASE nova_cell1 ALLOW_CONNECTIONS false",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'nova_cell1'",
        ):
            postgres.execute(self.plan, "postgres", statement)

    def cell_up(self) -> None:
        statement = "ALTER DATABASE nova_cell1 ALLOW_CONNECTIONS true"
        postgres.execute(self.plan, "postgres", statement)
