"""No way out: neither password nor token is ever said or kept; no URL of a caller is dialled."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request

import pytest

from openstats.api.routes import RESOURCES, STATISTICS
from tests.devcloud.process import wait_for
from tests.edge.listener import Listener
from tests.functional.guarded import Guarded, guarded
from tests.functional.system import Api

PATHS = [f"/api/stats/{each.name}/" for each in STATISTICS]
PATHS += [f"/api/{each.name}/" for each in RESOURCES]
PATHS += ["/openapi.json", "/healthcheck", "/", "/nothing", "/api/customers/x/"]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Guarded]:
    with guarded(tmp_path) as system:
        yield system


def ask(api: Api, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """Give status, and all that came back."""
    try:
        with api.opener.open(Request(api.url + path, headers=headers), timeout=30) as answer:
            return answer.status, f"{answer.headers}\n{answer.read().decode()}"
    except HTTPError as error:
        with error:
            return error.code, f"{error.headers}\n{error.read().decode()}"


def converse(system: Guarded, api: Api) -> None:
    """Ask everything as everybody, and keep all answers."""
    admin = system.hand("admin", project="admin")
    reader = system.hand("reader", project="shop")
    unknown = f"gAAAAA-{'0' * 40}"
    system.cloud.site.groups["ann"] = []
    for token in (admin, reader, unknown, f"{admin}x", ""):
        headers = {"X-Auth-Token": token} if token else {}
        for path in (*PATHS, f"/api/stats/resource/?auth_url={system.cloud.auth_url}"):
            system.keep(ask(api, path, headers)[1])
    for names in (("X-Service-Token",), ("X-Auth-Token", "X-Service-Token"), ("Authorization",)):
        ask(api, PATHS[1], dict.fromkeys(names, admin))


def test_processes_leak_no_secret(system: Guarded) -> None:
    system.say("check")
    for words in (("collect", "--once"), ("-vv", "collect", "--once", "--full"), ("discover",)):
        system.say(*words)
    system.say("--debug", "collect", "--once")
    system.sql("UPDATE job SET next_at = 0")
    process = system.start("collect")
    # That the libraries do log tokens: as hashes.
    wait_for("a poll", lambda: "{SHA256}" in system.said("collect") or process.poll())
    with system.serving() as api:
        converse(system, api)
        system.cloud.revoke_tokens()
        converse(system, api)
        system.cloud.stop()
        ask(api, PATHS[1], {"X-Auth-Token": system.hand("admin", project="admin")})
    system.sql("UPDATE job SET next_at = 0")
    wait_for("a fault", lambda: "WARNING openstats" in system.said("collect") or process.poll())
    process.terminate()
    assert process.wait(60) == 0
    system.say("registry", "export", "-")
    system.say("check", status=1)
    assert "{SHA256}" in system.said("serve")
    assert len(system.secrets()) > 4
    assert system.leaks() == []


def test_a_wrong_password_is_not_told_either(system: Guarded) -> None:
    wrong = f"wrong-{system.cloud.settings.password}"
    for section in (system.entries["alpha"]["auth"], system.sections["keystone_authtoken"]):
        section["password"] = wrong
    system.configure()
    for words in (("check",), ("collect", "--once"), ("--debug", "collect", "--once")):
        assert "401" in system.say(*words, status=1)
    with system.serving() as api:
        headers = {"X-Auth-Token": system.hand("admin", project="admin")}
        status, said = ask(api, PATHS[1], headers)
        system.keep(said)
    assert status == 503
    assert system.leaks() == []


def test_the_password_of_the_store_is_not_told(system: Guarded) -> None:
    password = system.cloud.settings.password
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    system.store = f"postgresql+psycopg://openstats:{password}@127.0.0.1:{port}/openstats"
    system.configure()
    for words in (("check",), ("collect", "--once"), ("stats", "quota"), ("db", "upgrade")):
        assert str(port) in system.say(*words, status=1)
    assert system.leaks() == []


def spellings(port: int) -> list[str]:
    """Spell a URL of this machine in ways that something might dial."""
    here = f"127.0.0.1:{port}"
    return [
        f"http://{here}/v3",
        f"HTTP://{here}/V3/",
        f"https://{here}/v3",
        f"http://localhost:{port}/v3",
        f"http://localhost.:{port}/v3",
        f"http://[::1]:{port}/v3",
        f"http://[::ffff:127.0.0.1]:{port}/v3",
        f"http://user:password@{here}/v3",
        f"http://keystone.example@{here}/",
        f"http://{here}#@keystone.example/",
        f"http://{here}\\@keystone.example/",
        f"http://{here}/v3?redirect=http://{here}/",
        f"//{here}/v3",
        f"{here}",
        f"http://2130706433:{port}/",
        f"http://0x7f000001:{port}/",
        f"http://0:{port}/",
        f"http://127.1:{port}/",
        f"file://{here}/etc/passwd",
        "file:///etc/passwd",
        f"gopher://{here}/_GET",
        f"ftp://{here}/",
        f"dict://{here}/",
        f"ldap://{here}/",
        f"unix://{here}",
        f"jar:http://{here}!/",
        f"http://{here}/\r\nX-Auth-Token: x",
        f" http://{here}/v3\t",
    ]


def test_no_url_of_a_caller_is_dialled(system: Guarded) -> None:
    dialled: list[object] = []
    listener = Listener(dialled.append)
    listener.open()
    system.say("collect", "--once")
    with system.serving() as api:
        as_admin = api.as_(system.hand("admin", project="admin"))
        as_admin.ask("resource", auth_url=system.cloud.auth_url)
        before = system.edge.count()
        for spelled in spellings(listener.port):
            status, document, _ = as_admin.ask("resource", auth_url=spelled)
            assert (status, document["errors"][0]["code"]) == (400, "openstats.parameter.invalid")
        assert as_admin.ask("resource", auth_url=system.cloud.auth_url)[0] == 200
    # Whatever would be dialled goes through the edge, or to the listener itself.
    assert system.edge.count() == before
    listener.close()
    assert dialled == []
