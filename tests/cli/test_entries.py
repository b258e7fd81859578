"""Commands for what the registry's URLs have, on the store and on a server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from openstats.cli.entries import COMMANDS
from openstats.cli.main import Openstats
from tests.cli.installation import Installation, Told
from tests.cli.test_serve import WITHOUT_FIGURES, ready
from tests.double import Double


def done(told: Told) -> Any:
    """Give the document that a command printed, which went well."""
    assert (told.status, told.err) == (0, "")
    return json.loads(told.out) if told.out else None


@pytest.fixture(params=["store", "server"])
def run(request: pytest.FixtureRequest, installed: Installation) -> Iterator[Any]:
    """Run commands on the store, and on a server that has it."""
    if request.param == "store":
        yield installed.run
        return
    installed.configure("api", collect="false")
    with installed.started("serve", "--port", "0") as process:
        url = ready(process, WITHOUT_FIGURES)
        yield lambda *words: installed.run("--url", url, *words)


def test_what_is_created_is_listed_changed_and_deleted(run: Any) -> None:
    as_json = ("-f", "json")
    customer = done(run("customer", "create", "--name", "Acme", *as_json))
    project = done(
        run("project", "create", "--name", "shop", "--customer", customer["uuid"], *as_json)
    )
    group = done(
        run(
            *("group", "create", "--name", "web", "--customer", customer["uuid"]),
            *("--projects", project["uuid"], *as_json),
        )
    )
    assert done(run("group", "show", "web", *as_json))["projects"] == [project["uuid"]]
    # By name or uuid, and a list can be emptied.
    assert done(run("group", "set", group["uuid"], "--no-projects", *as_json))["projects"] == []
    changed = done(run("project", "set", "shop", "--name", "store", *as_json))
    assert changed == project | {"name": "store", "project_groups": []}
    assert done(run("project", "list", "--name", "store", *as_json)) == [changed]
    assert done(run("project", "list", "--name", "shop", *as_json)) == []
    grant = done(
        run(
            *("grant", "create", "--subject", "jane", "--role", "owner"),
            *("--scope", f"customer={customer['uuid']}", *as_json),
        )
    )
    assert grant["scope"] == {"customer": customer["uuid"]}
    for noun, key in (("grant", grant["uuid"]), ("group", "web"), ("project", "store")):
        assert done(run(noun, "delete", key)) is None
    assert done(run("customer", "delete", "Acme")) is None
    assert done(run("customer", "list", *as_json)) == []
    audited = done(run("audit", "list", *as_json))
    assert [(row["action"], row["kind"]) for row in audited[:2]] == [
        ("delete", "customer"),
        ("delete", "project"),
    ]


def test_alerts_are_opened_acknowledged_and_closed(run: Any) -> None:
    words = ("--severity", "Warning", "--alert-type", "invoice", "--message", "overdue")
    alert = done(run("alert", "create", *words, "-f", "json"))
    assert done(run("alert", "acknowledge", alert["uuid"], "-f", "json"))["acknowledged"]
    assert done(run("alert", "close", alert["uuid"], "-f", "json"))["closed_at"]
    told = run("alert", "close", alert["uuid"])
    assert told.status == 1
    assert told.err.startswith("openstats: ")


def test_statistics_of_a_server_are_those_of_its_store(
    installed: Installation, alpha: Double
) -> None:
    with installed.started("serve", "--port", "0") as process:
        url = ready(process)
        for words in (("quota", "--each"), ("customer",), ("resource", alpha.auth_url)):
            command = ("stats", *words, "-f", "json")
            assert done(installed.run("--url", url, *command)) == done(installed.run(*command))


def test_tenants_and_clouds_are_shown(installed: Installation, alpha: Double) -> None:
    assert installed.run("collect", "--once").status == 0
    tenants = done(installed.run("tenant", "list", "-f", "json"))
    assert len(tenants) == 5
    assert "quota" not in tenants[0]
    (cloud,) = done(installed.run("cloud", "list", "-f", "json"))
    shown = done(installed.run("cloud", "show", "alpha", "-f", "json"))
    assert shown["capacity"]["vcpus"] == 256
    assert {name: shown[name] for name in cloud} == cloud
    linked = next(tenant for tenant in tenants if tenant["project"])
    changed = done(installed.run("tenant", "set", linked["uuid"], "--no-project", "-f", "json"))
    assert changed["project"] is None


def test_a_list_is_read_to_its_end(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"customer {number}" for number in range(5)]
    for name in names:
        done(installed.run("customer", "create", "--name", name, "-f", "json"))
    monkeypatch.setattr("openstats.cli.entries.PAGE", 2)
    listed = done(installed.run("customer", "list", "-f", "json"))
    assert [entry["name"] for entry in listed] == names
    three = done(installed.run("customer", "list", "--limit", "3", "-f", "json"))
    assert [entry["name"] for entry in three] == names[:3]


WRONG = {
    "no such name": (("customer", "show", "nobody"), "customer 'nobody': none has this name"),
    "no such uuid": (("grant", "show", "0" * 32), "there is no"),
    "no name": (("grant", "show", "jane"), "'jane' is no uuid, and grants have no names"),
    "nothing to change": (("customer", "set", "x"), "customer set: nothing to change"),
    "no scope": (
        ("grant", "create", "--subject", "j", "--role", "owner", "--scope", "x"),
        "scope",
    ),
}


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_a_sentence(
    installed: Installation, words: tuple[str, ...], said: str
) -> None:
    assert said in installed.sentence(*words)


def test_a_name_that_two_have_is_refused(installed: Installation) -> None:
    for _ in range(2):
        done(installed.run("customer", "create", "--name", "twin", "-f", "json"))
    assert "several have this name" in installed.sentence("customer", "delete", "twin")


def test_every_command_has_help_that_names_its_options(bare: Installation) -> None:
    manager = Openstats().command_manager
    for noun, (_, verbs) in COMMANDS.items():
        for verb in verbs.split():
            told = bare.run(noun, verb, "--help")
            assert told.status == 0
            assert f"usage: openstats {noun} {verb}" in told.out
            assert manager.find_command([noun, verb])


class Recorder(BaseHTTPRequestHandler):
    """A server that keeps what it was sent, and answers as it was told."""

    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")
    seen: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["X-Auth-Token"]))
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def recorder(*answer: Any) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    seen: list[tuple[str, str | None]] = []
    handler = type("Handler", (Recorder,), {"answer": answer, "seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_the_token_goes_to_the_server_that_is_named(
    bare: Installation, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    with recorder(200, {}, b'{"customers": []}') as (url, seen):
        words = ["customer", "list"]
        if by == "flag":
            words = ["--url", f"{url}/", "--token", "secret", *words]
        else:
            monkeypatch.setenv("OPENSTATS_URL", url)
            monkeypatch.setenv("OPENSTATS_TOKEN", "secret")
        assert bare.run(*words).status == 0
    assert seen == [("/api/customers/?limit=1000", "secret")]


def test_no_token_follows_a_redirect(bare: Installation) -> None:
    with (
        recorder(200, {}, b'{"customers": []}') as (elsewhere, there),
        recorder(302, {"Location": f"{elsewhere}/api/customers/"}, b"") as (url, _),
    ):
        said = bare.sentence("--url", url, "--token", "secret", "customer", "list")
    assert "the server answered 302" in said
    assert there == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "http://127.0.0.1:1 does not answer: "),
        ("file:///etc/passwd", "it must begin with http:// or https://"),
        ("localhost:8779", "it must begin with http:// or https://"),
    ],
)
def test_a_server_that_is_none(bare: Installation, url: str, said: str) -> None:
    assert said in bare.sentence("--url", url, "customer", "list")


def test_an_answer_that_is_no_openstats_is_said_to_be_none(bare: Installation) -> None:
    with recorder(503, {}, b"<html>") as (url, _):
        said = bare.sentence("--url", url, "customer", "list")
    assert said == "the server answered 503, and nothing that openstats answers"
