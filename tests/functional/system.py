"""An installation of openstats as an operator has it: files, commands, and HTTP."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import urlencode

import yaml

from tests.devcloud.process import wait_for
from tests.edge import Edge
from tests.functional.leaks import WATCH

SECRET = ("password", "application_credential_secret", "memcache_secret_key")
COMMAND = (sys.executable, "-m", "openstats.cli.main")


SERVING = re.compile(r"openstats (?:is ready:|serves at) (\S+)")
"""What ``serve`` says when it answers, with its URL."""


class System:
    """A directory with configuration and store, and clouds that are reached through an edge.

    ``options`` are those of the group [collector]; ``entries`` those of clouds.yaml; the store is
    SQLite, below the directory, unless a ``store`` is given by URL.
    """

    def __init__(
        self,
        home: Path,
        entries: dict[str, dict[str, Any]],
        edge: Edge,
        store: str = "",
        **options: object,
    ) -> None:
        self.home = home
        self.store = store or f"sqlite:///{self.database}"
        self.edge = edge
        self.entries = entries
        bounds = {"read_timeout": 20, "connect_timeout": 5, "retry_wait": 2}
        self.options: dict[str, object] = bounds | options
        self.sections: dict[str, dict[str, object]] = {}
        self.running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        self.configure()
        self.run("db", "upgrade")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running:
            process.kill()
            process.wait()

    # -- files

    @property
    def database(self) -> Path:
        return self.home / "openstats.sqlite"

    def configure(self, **options: object) -> None:
        """Write the configuration, with further options of [collector]."""
        self.options |= options
        lines = [f"{name} = {value}" for name, value in self.options.items()]
        text = f"[database]\nconnection = {self.store}\n[collector]\n"
        for section, given in self.sections.items():
            lines += [f"[{section}]", *(f"{name} = {value}" for name, value in given.items())]
        (self.home / "openstats.conf").write_text(text + "\n".join(lines) + "\n")
        (self.home / "clouds.yaml").write_text(yaml.safe_dump({"clouds": self.entries}))
        WATCH.add(self.home, self.given())

    def given(self) -> set[str]:
        """Give the passwords that the two files hold."""
        places = [entry.get("auth", {}) for entry in self.entries.values()]
        places += self.sections.values()
        return {str(place[name]) for place in places for name in SECRET if name in place}

    def keep(self, said: str) -> None:
        """Keep what was said, to be searched for secrets in the end."""
        with (self.home / "said.txt").open("a") as kept:
            kept.write(f"{said}\n")

    def environ(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("OS_")}
        mine = {"OS_CLIENT_CONFIG_FILE": str(self.home / "clouds.yaml"), "HOME": str(self.home)}
        # What libraries warn of is looked at where the tests run themselves.
        return clean | mine | self.edge.environ() | {"PYTHONWARNINGS": "ignore"}

    # -- commands

    def command(self, *words: str) -> list[str]:
        return [*COMMAND, "--config-file", str(self.home / "openstats.conf"), *words]

    def run(self, *words: str, status: int = 0) -> str:
        """Run a command to its end, and give what it printed."""
        done = subprocess.run(
            self.command(*words), env=self.environ(), text=True, capture_output=True, timeout=300
        )
        self.keep(done.stdout + done.stderr)
        assert done.returncode == status, (
            f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout if status == 0 else done.stderr

    def tenants(self) -> dict[str, tuple[str, str]]:
        """Give, by uuid of a registry project, its cloud and Keystone id, as the registry tells."""
        document = yaml.safe_load(self.run("registry", "export"))
        return {
            project["uuid"]: (tenant["cloud"], tenant["tenant_id"])
            for customer in document["customers"]
            for project in customer["projects"]
            for tenant in project["tenants"]
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command that stays, with its words in a file named as its first."""
        path = self.home / f"{words[0]}.log"
        if path.exists():
            self.keep(path.read_text())
        with path.open("w") as log:
            process = subprocess.Popen(
                self.command(*words), env=self.environ(), text=True, stdout=log, stderr=log
            )
        self.running.append(process)
        return process

    def said(self, word: str) -> str:
        return (self.home / f"{word}.log").read_text()

    def sql(self, statement: str) -> list[Any]:
        """Look into the store, or change it, behind everybody's back."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection, connection:
            return connection.execute(statement).fetchall()

    # -- HTTP

    @contextmanager
    def serving(self) -> Iterator["Api"]:
        """Serve without collecting, on a free port."""
        with (self.home / "openstats.conf").open("a") as conf:
            conf.write("[api]\ncollect = false\n")
        process = self.start("serve", "--port", "0")
        wait_for("the service", lambda: SERVING.search(self.said("serve")) or process.poll())
        assert process.poll() is None, self.said("serve")
        (url,) = SERVING.findall(self.said("serve"))[-1:]
        try:
            yield Api(url, self.keep)
        finally:
            process.terminate()
            assert process.wait(20) == 0


class Api:
    """The HTTP API, as a portal asks it."""

    def __init__(self, url: str, keep: Callable[[str], None]) -> None:
        """Have all answers kept."""
        self.url, self.keep = url.rstrip("/"), keep
        self.headers: dict[str, str] = {}
        # The edge is for clouds only.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def as_(self, token: str, **headers: str) -> "Api":
        """Give the API as somebody else asks it."""
        other = Api(self.url, self.keep)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        other.headers = ({"X-Auth-Token": token} if token else {}) | names
        return other

    def get(self, statistic: str, **parameters: Any) -> Any:
        """Give a statistic's document."""
        return self.ask(statistic, **parameters)[1]

    def ask(self, statistic: str, **parameters: Any) -> tuple[int, Any, dict[str, str]]:
        """Give status, document and headers."""
        spelled = {name.rstrip("_"): value for name, value in parameters.items()}
        return self.call("GET", f"/api/stats/{statistic}/?{urlencode(spelled, doseq=True)}")

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any, dict[str, str]]:
        """Give status, document and headers of any request; a body is sent as JSON."""
        sent = None if body is None else json.dumps(body).encode()
        headers = self.headers | ({} if body is None else {"Content-Type": "application/json"})
        request = urllib.request.Request(f"{self.url}{path}", sent, headers, method=method)
        try:
            with self.opener.open(request, timeout=30) as answer:
                return answer.status, self._read(answer), dict(answer.headers)
        except HTTPError as error:
            with error:
                return error.code, self._read(error), dict(error.headers)

    def _read(self, answer: Any) -> Any:
        body = answer.read().decode()
        self.keep(f"{answer.headers}{body}")
        return json.loads(body or "null")
