"""``check`` of clouds that do not let one in, or are silent: one fault, one row; others go on."""

import re
from typing import Any

import pytest

from tests.cli.check.running import check
from tests.cli.installation import Installation
from tests.cli.rows import sql
from tests.double import Double, Settings
from tests.edge import Edge, Garbage, Hang, Refuse, Status

Lines = dict[str, tuple[str, str]]


def only_failure(lines: Lines, cloud: str = "alpha") -> str:
    """Return why one cannot sign in to a cloud; nothing else of it was tried."""
    mine = {what.removeprefix(f"{cloud}: "): line for what, line in lines.items() if cloud in what}
    state, said = mine.pop("Keystone")
    assert state == "failed"
    assert len(mine) == 10
    assert set(mine.values()) == {("skipped", f"see {cloud}: Keystone")}
    return said


def sign_ins(edge: Edge) -> int:
    return edge.count(lambda seen: seen.method == "POST" and seen.url.endswith("/auth/tokens"))


def changed(double: Double, **auth: Any) -> dict[str, Any]:
    """Return the double's entry with another ``auth``; None takes a key out."""
    entry = double.clouds_entry()
    entry["auth"] = {key: v for key, v in (entry["auth"] | auth).items() if v is not None}
    return entry


NO_PROJECT = {"project_name": None, "project_domain_id": None}
SCOPES = {
    "a wrong password": ({"password": "topsecret"}, "HTTP 401: Keystone refuses the credential"),
    "a wrong project": ({"project_name": "nowhere"}, "HTTP 401: Keystone refuses the credential"),
    "a domain": (NO_PROJECT | {"domain_id": "default"}, "the token is for the domain Default"),
    "the system": (NO_PROJECT | {"system_scope": "all"}, "the token is for the system"),
    "nothing": (NO_PROJECT, "the token is for no project"),
}


@pytest.mark.parametrize("kind", SCOPES)
def test_failed_sign_in_is_reported_once(
    installed: Installation, edge: Edge, alpha: Double, kind: str
) -> None:
    auth, words = SCOPES[kind]
    installed.clouds(alpha=changed(alpha, **auth))
    status, lines = check(installed)
    assert status == 1
    said = only_failure(lines)
    assert words in said
    assert "policy" not in said
    assert sign_ins(edge) == 1


def test_a_keystone_that_cannot_be_reached_is_tried_once(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    edge.rule("/auth/tokens", Refuse())
    status, lines = check(installed)
    assert status == 1
    assert "signing in: Unable to establish connection" in only_failure(lines)
    assert sign_ins(edge) == 1


DOMAINS = b'{"error": {"code": 400, "message": "Expecting to find domain in project"}}'
NO_KEYSTONE = {
    "a page": (Garbage(b"<html>"), "is not Keystone v3: correct auth_url"),
    "nothing": (Status(404), "HTTP 404: the server at auth_url is not Keystone v3"),
    "no domain": (
        Status(400, {"Content-Type": "application/json"}, DOMAINS),
        "write user_domain_name and project_domain_name below auth",
    ),
}


@pytest.mark.parametrize("kind", NO_KEYSTONE)
def test_sign_in_failure_advises_on_the_entry(
    installed: Installation, edge: Edge, alpha: Double, kind: str
) -> None:
    action, words = NO_KEYSTONE[kind]
    edge.rule("/auth/tokens", action)
    assert words in only_failure(check(installed)[1])


def test_a_keystone_without_tls_is_reported(installed: Installation, alpha: Double) -> None:
    installed.clouds(alpha=changed(alpha, auth_url=alpha.auth_url.replace("http:", "https:")))
    said = only_failure(check(installed)[1])
    assert said.endswith(
        "the server speaks http there: write http:// in the URL, or correct its port"
    )


def test_a_setting_of_customers_is_no_fault_of_keystone(
    installed: Installation, alpha: Double
) -> None:
    installed.clouds(alpha=alpha.clouds_entry() | {"openstats": {"customer_from": "file"}})
    _, lines = check(installed)
    assert lines["alpha: Keystone"] == ("ok", "5 projects")
    state, said = lines["alpha: customers"]
    assert state == "failed"
    assert said.startswith("customer_from = file requires customer_file")


def test_an_unknown_region_fails_with_those_there_are(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    installed.clouds(alpha=alpha.clouds_entry() | {"region_name": "elsewhere"})
    said = only_failure(check(installed)[1])
    assert said.endswith("its region elsewhere; there are RegionOne: correct region_name")


def test_a_silent_cloud_ends_within_the_limit_and_others_are_checked(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    with Double() as beta:
        installed.clouds(alpha=alpha.clouds_entry(), beta=beta.clouds_entry())
        edge.rule(f"{beta.url}/identity", Hang())
        told = installed.run("check", "-f", "csv", "--quote", "none", "--timeout", "5")
    assert told.status == 1
    assert "beta: Keystone,failed,no answer within 5 s" in told.out
    assert "beta: Placement,skipped,see beta: Keystone" in told.out
    assert "alpha: Placement,ok," in told.out


def test_a_service_that_cannot_be_reached_is_tried_once(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    edge.rule("/compute", Refuse())
    _, lines = check(installed)
    states = {what.removeprefix("alpha: "): state for what, (state, _) in lines.items()}
    assert states["Nova, hypervisors"] == "failed"
    others = [what for what, state in states.items() if state == "skipped"]
    assert others == ["Nova, zones", "Nova, servers", "Nova, quotas", "usage, nova"]
    assert states["Cinder, quotas"] == states["Placement"] == "ok"


@pytest.mark.parametrize("order", [["admin", "member"], ["member", "admin"]])
def test_one_of_two_entries_for_one_cloud_is_a_duplicate(
    installed: Installation, edge: Edge, alpha: Double, order: list[str]
) -> None:
    alpha.create_project("demo", id="5" * 32)
    url = alpha.auth_url.replace("127.0.0.1", "localhost")
    member = changed(alpha, auth_url=url, username="member", project_name="demo")
    entries = {"admin": alpha.clouds_entry(), "member": member}
    installed.clouds(**{name: entries[name] for name in order})
    status, lines = check(installed)
    assert lines.pop("member") == (
        "duplicate",
        "same cloud as admin, which passes more checks: this entry is not used",
    )
    assert status == 0
    assert {state for state, _ in lines.values()} == {"ok"}


def test_a_service_shared_by_two_regions_is_reported(
    installed: Installation, alpha: Double
) -> None:
    alpha.site.catalog += [
        each._replace(region="RegionTwo")
        for each in list(alpha.site.catalog)
        if each.type in ("compute", "block-storage")
    ]
    entry = alpha.clouds_entry()
    installed.clouds(alpha=entry, twin=entry | {"region_name": "RegionTwo"})
    _, lines = check(installed)
    shared = {what: said for what, (state, said) in lines.items() if state == "shared"}
    said = "same service as in alpha: its figures count there"
    assert shared == {"twin: compute": said, "twin: block-storage": said}


def test_a_clock_that_is_wrong_is_a_warning(installed: Installation) -> None:
    with Double(settings=Settings(clock_ahead=-7200)) as double:
        installed.clouds(alpha=double.clouds_entry())
        _, lines = check(installed)
    state, said = lines["alpha: clocks"]
    assert state == "warning"
    assert re.search(r"the clock of 127\.0\.0\.1:\d+ is 719\d s behind ours", said)


@pytest.mark.usefixtures("alpha")
def test_the_last_error_of_a_job_is_a_warning_where_nothing_else_fails(
    installed: Installation, edge: Edge
) -> None:
    assert installed.run("discover").status == 0
    sql(installed, "UPDATE job SET error = 'one list contradicts another' WHERE kind = 'discovery'")
    status, lines = check(installed)
    assert lines["alpha: last poll, discovery"] == ("warning", "one list contradicts another")
    assert status == 0
    edge.rule("/auth/tokens", Refuse())
    assert "alpha: last poll, discovery" not in check(installed)[1]
