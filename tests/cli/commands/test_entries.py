"""Commands for what the registry's URLs have, on the store and on a server."""

import getpass
import json
from collections.abc import Iterator
from typing import Any

import pytest

from openstats.cli.commands.entries import COMMANDS
from openstats.cli.main import Openstats
from openstats.http.validation import parameter_names
from tests.cli.installation import Installation, Told
from tests.cli.processes.serving import WITHOUT_FIGURES, ready
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


def test_entries_are_created_listed_changed_and_deleted(run: Any) -> None:
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
    monkeypatch.setattr("openstats.cli.commands.entries.PAGE", 2)
    listed = done(installed.run("customer", "list", "-f", "json"))
    assert [entry["name"] for entry in listed] == names
    three = done(installed.run("customer", "list", "--limit", "3", "-f", "json"))
    assert [entry["name"] for entry in three] == names[:3]


WRONG = {
    "no such name": (
        ("group", "show", "nobody"),
        "project group 'nobody': not found; run 'openstats group list'",
    ),
    "no such uuid": (("grant", "show", "0" * 32), "not found"),
    "no name": (("grant", "show", "jane"), "grant 'jane': must be a UUID"),
    "nobody's customer": (
        ("project", "create", "--name", "x", "--customer", "nobody"),
        "customer 'nobody': not found",
    ),
    "nobody's project": (
        ("grant", "create", "--subject", "j", "--role", "admin", "--scope", "project=nobody"),
        "project 'nobody': not found",
    ),
    "no kind": (
        ("grant", "create", "--subject", "j", "--role", "admin", "--scope", "planet=x"),
        "scope.planet",
    ),
    "nothing to change": (("customer", "set", "x"), "customer set: nothing to change"),
    "no scope": (
        ("grant", "create", "--subject", "j", "--role", "owner", "--scope", "x"),
        "scope",
    ),
}


@pytest.mark.parametrize(("words", "said"), WRONG.values(), ids=WRONG)
def test_refused_command_prints_one_sentence(
    installed: Installation, words: tuple[str, ...], said: str
) -> None:
    assert said in installed.sentence(*words)


def test_a_name_that_two_have_is_refused_with_their_uuids(installed: Installation) -> None:
    made = [
        done(installed.run("customer", "create", "--name", "twin", "-f", "json"))["uuid"]
        for _ in range(2)
    ]
    told = f"'twin': the name is not unique; use one of the UUIDs {', '.join(sorted(made))}"
    for words in (
        ("customer", "delete", "twin"),
        ("project", "create", "--name", "x", "--customer", "twin"),
        ("project", "list", "--customer", "twin"),
        ("grant", "create", "--subject", "j", "--role", "owner", "--scope", "customer=twin"),
    ):
        assert installed.sentence(*words) == f"customer {told}"


def test_other_entries_are_called_by_their_names(run: Any) -> None:
    as_json = ("-f", "json")
    acme, umbrella = (
        done(run("customer", "create", "--name", name, *as_json))["uuid"]
        for name in ("Acme", "Umbrella = Co")
    )
    shop = done(run("project", "create", "--name", "shop", "--customer", "Acme", *as_json))
    words = ("--customer", "Acme", "--projects", "shop")
    group = done(run("group", "create", "--name", "web", *words, *as_json))
    assert (shop["customer"], group["customer"], group["projects"]) == (acme, acme, [shop["uuid"]])
    found = done(run("project", "list", "--customer", "Acme", *as_json))
    assert found == [shop | {"project_groups": [group["uuid"]]}]
    assert done(run("project", "list", "--customer", umbrella, *as_json)) == []
    moved = done(run("project", "set", "shop", "--customer", "Umbrella = Co", *as_json))
    assert (moved["customer"], moved["project_groups"]) == (umbrella, [])
    for scope, uuid in (("customer=Umbrella = Co", umbrella), ("project-group=web", group["uuid"])):
        role = "owner" if scope.startswith("customer") else "manager"
        given = ("--subject", "jane", "--role", role, "--scope", scope)
        assert [*done(run("grant", "create", *given, *as_json))["scope"].values()] == [uuid]
    assert f"customer={umbrella}" in run("grant", "list", "--customer", "Umbrella = Co").out


def test_deleted_entries_are_listed_and_shown_with_deleted(
    installed: Installation,
) -> None:
    for name in ("Acme", "Umbrella"):
        done(installed.run("customer", "create", "--name", name, "-f", "json"))
    assert installed.run("customer", "delete", "Acme").status == 0
    assert "Acme" not in installed.run("customer", "list").out
    listed = done(installed.run("customer", "list", "--deleted", "-f", "json"))
    assert [bool(entry["deleted_at"]) for entry in listed] == [True, False]
    shown = done(installed.run("customer", "show", "Acme", "--deleted", "-f", "json"))
    assert shown == listed[0]
    assert "not found" in installed.sentence("customer", "show", "Acme")


def test_alerts_are_listed_by_when_they_were(installed: Installation) -> None:
    words = ("--severity", "Warning", "--alert-type", "invoice", "--message", "overdue")
    alert = done(installed.run("alert", "create", *words, "-f", "json"))
    for bounds, found in ((("--from", "2020-01-01"), [alert]), (("--to", "2020-01-01"), [])):
        listed = done(installed.run("alert", "list", *bounds, "--opened", "true", "-f", "json"))
        assert [entry["uuid"] for entry in listed] == [entry["uuid"] for entry in found]


def test_a_write_on_the_store_is_its_users(installed: Installation) -> None:
    done(installed.run("customer", "create", "--name", "Acme", "-f", "json"))
    (entry,) = done(installed.run("audit", "list", "-f", "json"))
    assert entry["who"] == f"command by {getpass.getuser()}"


NOUNS = sorted(COMMANDS)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_list_has_an_option_for_each_filter(bare: Installation, noun: str) -> None:
    command, _, _ = Openstats().command_manager.find_command([noun, "list"])
    listing = command(Openstats(), None)
    parser = listing.get_parser("list")
    spelled = {action.dest for action in parser._actions}
    assert spelled >= set(parameter_names(listing.resource.filters)) - {"marker"}
    assert all(
        action.help and action.help[0].isupper()
        for action in parser._actions[1:]
        if action.dest in parameter_names(listing.resource.filters)
    )


@pytest.mark.parametrize("noun", NOUNS)
def test_the_columns_of_a_list_do_not_depend_on_what_is_listed(
    installed: Installation, noun: str
) -> None:
    told = installed.run(noun, "list", "-f", "csv")
    assert (told.status, told.out.split(",")[0].strip()) == (0, '"uuid"')


def test_grants_of_several_kinds_are_listed_in_the_same_columns(installed: Installation) -> None:
    done(installed.run("customer", "create", "--name", "Acme", "-f", "json"))
    head = installed.run("grant", "list", "-f", "csv").out.splitlines()[0]
    for option in ("--subject", "--user-id", "--group-id"):
        words = ("grant", "create", option, "jane", "--role", "owner", "--scope", "customer=Acme")
        done(installed.run(*words, "-f", "json"))
    lines = installed.run("grant", "list", "-f", "csv").out.splitlines()
    assert (lines[0], len(lines)) == (head, 4)


def test_a_limit_that_cannot_be_is_refused(installed: Installation) -> None:
    assert "limit=0: must be at least 1" in installed.sentence("customer", "list", "--limit", "0")


def test_a_cloud_is_shown_in_lines_that_can_be_read(installed: Installation, alpha: Double) -> None:
    assert installed.run("collect", "--once").status == 0
    told = installed.run("cloud", "show", "alpha")
    assert max(map(len, told.out.splitlines())) < 130
    assert " vcpus: 256 " in told.out
    assert not any(word in told.out for word in ("None", "False", "{"))
    tenant = installed.run("tenant", "list", "-f", "value", "-c", "uuid").out.split()[0]
    shown = installed.run("tenant", "show", tenant).out
    assert max(map(len, shown.splitlines())) < 130
    assert "| enabled      | true" in shown
