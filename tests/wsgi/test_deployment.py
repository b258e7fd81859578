"""The application under the WSGI servers that operators have."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from webtest import TestApp

from openstats.errors import ConfigError
from openstats.storage.store import Store
from openstats.wsgi.deployment import (
    DIRECTORY,
    FILES,
    configuration_sources,
    load_application,
)
from tests.api.world import fill
from tests.conftest import Sqlite
from tests.devcloud.process import wait_for
from tests.wsgi.servers import COMMANDS, Running, ready, started

JSON = {"Content-Type": "application/json"}
PLAIN = {"Accept-Encoding": "identity"}
REQUESTS = (
    ("GET", "/"),
    ("GET", "/healthcheck"),
    ("GET", "/openapi.json"),
    ("GET", "/api/stats/customer/"),
    ("GET", "/api/stats/quota/?aggregate=customer"),
    ("GET", "/api/stats/usage/?item=cpu&from=1699996500&to=1700000100&datapoints=3"),
    ("GET", "/stats/customer"),
    ("GET", "/api/tenants/?limit=2"),
    ("HEAD", "/api/customers/"),
    ("GET", "/api/stats/quota/?aggregate=nobody"),
    ("GET", "/api/customers/6f1c6a1e-3a0b-4c55-9a55-0d6c2b0f7a10/"),
    ("GET", "/no/such/url"),
    ("DELETE", "/api/stats/customer/"),
    ("POST", "/api/customers/"),
)
HEADERS = ("Content-Type", "ETag", "Link", "Allow", "Cache-Control", "Vary", "X-Openstats-Coverage")


def configure(directory: Path, store: Store, **options: Any) -> Path:
    """Write openstats.conf into a directory."""
    api = {"auth_strategy": "noauth", "noauth_beyond_loopback": "true"} | options
    lines = ["[database]", f"connection = {store.url}", "[api]"]
    path = directory / "openstats.conf"
    path.write_text("\n".join([*lines, *(f"{key} = {api[key]}" for key in api)]) + "\n")
    return path


@pytest.fixture(scope="module")
def sqlite_store(sqlite: Sqlite) -> Iterator[Store]:
    with sqlite.store() as store:
        with store.transaction() as db:
            fill(db)
        yield store


@pytest.fixture(scope="module", params=COMMANDS)
def server(
    request: pytest.FixtureRequest, sqlite_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("server")
    configure(directory, sqlite_store)
    with started(request.param, directory, **{DIRECTORY: str(directory)}) as server:
        ready(server)
        yield server


def document(body: bytes, media_type: str) -> Any:
    """Return a body without what differs between two requests."""
    if "json" not in media_type or not body:
        return body
    parsed = json.loads(body)
    for error in parsed.get("errors", ()) if isinstance(parsed, dict) else ():
        error.pop("request_id")
    return parsed


def reads_all(port: int) -> bool:
    """Return whether a process has accepted a connection to a port, and read what came."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, queues, *_, inode = line.split()[:10]
        if local.endswith(f":{port:04X}") and state == "01":
            return inode != "0" and queues.endswith(":00000000")
    return False


def test_answers_as_in_this_process(server: Running, sqlite_store: Store, app_on: Any) -> None:
    here = TestApp(app_on(sqlite_store))
    for method, url in REQUESTS:
        there = requests.request(method, f"{server.url}{url}", headers=PLAIN, timeout=30)
        expected = here.request(url, method=method, status="*")
        assert there.status_code == expected.status_int, url
        assert {name: there.headers.get(name) for name in HEADERS} == {
            name: expected.headers.get(name) for name in HEADERS
        }, url
        media_type = there.headers.get("Content-Type", "")
        assert document(there.content, media_type) == document(expected.body, media_type), url
        assert there.headers["X-Openstack-Request-Id"].startswith("req-")


def test_several_processes_write(server: Running) -> None:
    created = set()
    for number in range(8):
        body = {"name": f"{server.port} {number}"}
        answer = requests.post(f"{server.url}/api/customers/", json=body, timeout=30)
        assert answer.status_code == 201, answer.text
        assert answer.headers["Location"] == f"/api/customers/{answer.json()['uuid']}/"
        created.add(answer.json()["uuid"])
    listed = requests.get(f"{server.url}/api/customers/", timeout=30).json()["customers"]
    assert created <= {entry["uuid"] for entry in listed}


def test_bodies_in_chunks_are_read_or_refused(server: Running) -> None:
    body = json.dumps({"name": f"{server.port} in chunks"}).encode()
    pieces = iter([body[:7], body[7:]])
    answer = requests.post(f"{server.url}/api/customers/", data=pieces, headers=JSON, timeout=30)
    if server.decodes_chunks:
        assert answer.status_code == 201, answer.text
    else:
        assert answer.status_code == 411
        assert answer.json()["errors"][0]["code"] == "openstats.body.length_required"


def test_bodies_in_chunks_that_are_too_large_are_refused(server: Running) -> None:
    pieces = iter([b" " * 2**19] * 3)
    answer = requests.post(f"{server.url}/api/customers/", data=pieces, headers=JSON, timeout=30)
    assert answer.status_code == (413 if server.decodes_chunks else 411), answer.text


@pytest.mark.parametrize("name", COMMANDS)
def test_sigterm_finishes_a_request_under_way(
    name: str, sqlite_store: Store, tmp_path: Path
) -> None:
    configure(tmp_path, sqlite_store)
    with (
        started(name, tmp_path, **{FILES: "openstats.conf", DIRECTORY: str(tmp_path)}) as server,
        ThreadPoolExecutor() as pool,
    ):
        ready(server)
        with sqlite_store.transaction():
            # The request waits for the lock of this transaction.
            creation = pool.submit(
                requests.post, f"{server.url}/api/customers/", json={"name": name}, timeout=30
            )
            wait_for("a worker with the request", lambda: reads_all(server.port))
            server.process.send_signal(signal.SIGTERM)
        assert creation.result().status_code == 201
        assert server.process.wait(60) == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_wrong_with_the_configuration_is_in_the_log(name: str, tmp_path: Path) -> None:
    (tmp_path / "openstats.conf").write_text("[api]\nthreads = many\n")
    with started(name, tmp_path, **{DIRECTORY: str(tmp_path)}) as server:
        assert server.process.wait(60) != 0
    sentence = f"openstats: {tmp_path}/openstats.conf: [api] threads = many: must be an integer "
    assert sentence in server.log.read_text()


def test_without_authentication_it_needs_a_word_that_something_else_controls_access(
    sqlite_store: Store, tmp_path: Path
) -> None:
    configure(tmp_path, sqlite_store, noauth_beyond_loopback="false")
    with pytest.raises(ConfigError, match="set auth_strategy = keystone, or noauth_beyond"):
        load_application({DIRECTORY: str(tmp_path)})


@pytest.mark.parametrize(
    ("environ", "files", "directories"),
    [
        ({}, [], []),
        ({DIRECTORY: " "}, [], []),
        ({DIRECTORY: "/etc/here"}, ["/etc/here/openstats.conf"], []),
        ({FILES: "a.conf; b.conf;"}, ["a.conf", "b.conf"], []),
        ({FILES: "a.conf;/b.conf", DIRECTORY: "/etc/here"}, ["/etc/here/a.conf", "/b.conf"], []),
    ],
)
def test_variables_name_the_files(
    environ: dict[str, str], files: list[str], directories: list[str]
) -> None:
    assert configuration_sources(environ) == (files, directories)


def test_fragments_beside_the_file_are_read(tmp_path: Path) -> None:
    fragments = tmp_path / "openstats.conf.d"
    fragments.mkdir()
    found = configuration_sources({DIRECTORY: str(tmp_path)})
    assert found == ([str(tmp_path / "openstats.conf")], [str(fragments)])
