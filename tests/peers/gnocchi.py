"""Gnocchi 4.7 from PyPI: the API under uwsgi, files for storage, PostgreSQL for the indexer.

There is no gnocchi-metricd: `feed` lets the API process what it was given (`refresh`), metric by
metric, and returns when nothing is left.

Observed (4.7.1), samples having microseconds:

* A granule is [t, t+300), labelled by its start: a sample exactly on an edge belongs to the granule
  that begins there. `start` is rounded down to a granule; `stop` is exclusive and is not rounded,
  so that stop = t+1 still gives all of the granule t.
* `mean` is per instance the mean of the samples in a granule. A granule without samples is absent.
* `rate:mean` is the mean of the differences of consecutive samples, in ns a poll, in the granule of
  the later one. A series' first sample has none. A counter that began again gives a negative one.
* When a difference spans an empty granule, it depends on how the samples came: in one piece it is
  there, whole, in the granule of the later sample; one by one, as Ceilometer sends them, it is not,
  since the earlier one has been forgotten. Polls every 300 s that jitter across an edge therefore
  lose CPU time: a granule of two samples, an empty one, and then one without a rate. `feed` takes
  care that samples come as if one by one.
* `back_window` 0: a sample older than the newest one's granule is dropped (than the granule before
  that, where there are rates).
* With `fill=null`, `(aggregate sum (metric m mean))` gives each granule that any instance of the
  group has, absent ones counting 0. With `needed_overlap=0`, and without `stop`, what comes after
  the last granule that all instances have is cut off; likewise `start`. With several metrics in
  one query the granules are those of any of them, and a metric that has none there sums up to 0.
* `(aggregate count (metric m mean))` breaks the connection (its integers have no JSON; uwsgi says
  nothing more); `(* 1 (aggregate count (metric m mean)))` is the number of instances that have the
  granule.
* The answer is a list of `{"group": {"project_id": P}, "measures": {"measures": {"aggregated":
  [["2026-11-24T21:20:00+00:00", 300.0, 1102.0], …]}}}`: `measures` twice, granules in ascending
  order; without `groupby` it is `{"measures": {"aggregated": […]}}` alone. A group whose
  instances have the metric, but no granules, has an empty list; one whose instances have not got
  the metric is missing. No group at all is 404. Without `aggregate` the innermost is `{instance:
  {metric: {"mean": […]}}}`, and absent granules are a bare NaN, which is no JSON.
* `use_history=true` finds resources by when Gnocchi heard of them, not by their samples.
* A granularity that the archive policy does not have is 400.
"""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from keystoneauth1.identity import V3Password
from keystoneauth1.session import Session

from tests import postgresql
from tests.devcloud import install
from tests.devcloud.plan import DevcloudError, cache
from tests.devcloud.rest import RestError
from tests.peers import ceilometer
from tests.peers.series import Instance
from tests.peers.server import Server

# What the extras of Gnocchi would install, without psycopg2's need for a compiler; and pins for
# what no release of OpenStack has.
PACKAGES = (
    "gnocchi==4.7.1",
    "alembic",
    "keystonemiddleware",
    "oslo.db",
    "psycopg2-binary",
    "pyuwsgi",
    "SQLAlchemy",
    "daiquiri==3.4.0",
    "lz4==4.4.5",
    "pecan==1.8.0",
    "python-json-logger==4.2.0",
    "pytimeparse==1.1.10",
    "SQLAlchemy-Utils==0.43.0",
    "ujson==6.1.0",
)
UWSGI = {
    "--module": "gnocchi.rest.wsgi",
    "--threads": "4",
    "--buffer-size": "65535",
    "--add-header": "Connection: close",
}
# So many instances a request: below the API's own limit of a page.
SLICE = 200
LATER = "2200-01-01T00:00:00"


class Gnocchi(Server):
    """A Gnocchi server while the context lasts; the directory has to exist.

    ``keystone`` is the entry of a cloud in clouds.yaml, of an administrator: with it tokens of that
    cloud are asked for, otherwise the user `admin` and any password (`headers` says which).
    """

    def __init__(self, directory: Path, keystone: Mapping[str, Any] | None = None) -> None:
        super().__init__("gnocchi", directory)
        self.keystone = keystone
        self.conf = directory / "gnocchi.conf"
        self.bin = cache() / "peers" / "gnocchi" / "venv" / "bin"

    def __enter__(self) -> Self:
        install.install_environment(cache() / "peers" / "gnocchi", "Gnocchi", PACKAGES)
        with ExitStack() as stack:
            database = postgresql.running(self.directory / "postgresql")
            self._prepare(stack.enter_context(database))
            stack.callback(self.stop)
            self._start()
            self._define()
            self._leave = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.close()

    def _prepare(self, server: postgresql.Server) -> None:
        """Write the configuration, and make the tables."""
        server.execute("CREATE DATABASE gnocchi")
        sections: dict[str, Mapping[str, object]] = {
            "DEFAULT": {"verbose": "false"},
            "api": {"auth_mode": "keystone" if self.keystone else "basic"},
            "indexer": {
                "url": f"postgresql+psycopg2://openstack@127.0.0.1:{server.port}/gnocchi",
            },
            "storage": {"driver": "file", "file_basepath": self.directory / "storage"},
            "keystone_authtoken": self._authtoken(),
        }
        self.conf.write_text("".join(_ini(sections)))
        command = (self.bin / "gnocchi-upgrade", "--config-file", self.conf)
        options = ("--skip-archive-policies-creation",)
        done = subprocess.run(
            [*command, *options], env=self.environ, capture_output=True, text=True
        )
        if done.returncode:
            raise DevcloudError(f"gnocchi-upgrade: {done.stderr.strip()[-2000:]}")

    def _authtoken(self) -> dict[str, object]:
        if not self.keystone:
            return {}
        return {
            "auth_type": "password",
            "www_authenticate_uri": self.keystone["auth"]["auth_url"],
            "region_name": self.keystone["region_name"],
            "service_token_roles_required": "true",
            **self.keystone["auth"],
        }

    def _start(self) -> None:
        options = {
            "--http-socket": f"127.0.0.1:{self.port}",
            **UWSGI,
            "--pyargv": f"--config-file {self.conf}",
        }
        flags = ("--enable-threads", "--need-app", "--die-on-term")
        words = [word for option in options.items() for word in option]
        # Its root is a list of versions that asks nobody who he is.
        self.start([self.bin / "uwsgi", *flags, *words], ready="/")

    def _define(self) -> None:
        for policy in ceilometer.policies():
            self.ask("POST", "/v1/archive_policy", policy)
        self.ask("POST", "/v1/resource_type", ceilometer.resource_type())

    @cached_property
    def _session(self) -> Session:
        assert self.keystone is not None
        return Session(V3Password(**self.keystone["auth"]))

    @property
    def headers(self) -> dict[str, str]:
        """What tells Gnocchi who asks."""
        if self.keystone:
            return dict(self._session.get_auth_headers() or {})
        return {"Authorization": f"Basic {base64.b64encode(b'admin:').decode()}"}

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Ask as the administrator."""
        return super().ask(method, path, body, {**self.headers, **(headers or {})})

    def feed(self, instances: Iterable[Instance]) -> None:
        """Add instances and samples; the samples are processed when this returns."""
        given = list(instances)
        for begin in range(0, len(given), SLICE):
            some = given[begin : begin + SLICE]
            for instance in some:
                self._create(instance)
            for measures in ceilometer.rounds(some):
                path = "/v1/batch/resources/metrics/measures?create_metrics=true"
                self.ask("POST", path, measures)
                self._process(measures)
        waiting = self.ask("GET", "/v1/status?details=false")["storage"]["summary"]["measures"]
        if waiting:
            raise DevcloudError(f"Gnocchi left {waiting} measures unprocessed; see {self.log}")

    def _create(self, instance: Instance) -> None:
        try:
            self.ask("POST", "/v1/resource/instance", ceilometer.resource(instance))
        except RestError as error:
            if error.status != 409:  # it is known from an earlier feed
                raise

    def _process(self, measures: Mapping[str, Mapping[str, object]]) -> None:
        """Have it process what waits; what this old query would answer is not wanted."""
        query = f"refresh=true&granularity={ceilometer.GRANULARITY}&fill=null&start={LATER}"
        body = {"in": {"id": list(measures)}}
        for name in {name for metrics in measures.values() for name in metrics}:
            self.ask("POST", f"/v1/aggregation/resource/instance/metric/{name}?{query}", body)


def _ini(sections: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    for section, options in sections.items():
        yield f"[{section}]\n"
        yield from (f"{name} = {value}\n" for name, value in options.items())
