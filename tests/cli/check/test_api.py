"""``check``, with auth_strategy = keystone: what the API asks of Keystone with its own user."""

from typing import Any

import pytest

from tests.cli.check.running import check, lines
from tests.cli.installation import Installation
from tests.double import Double
from tests.edge import Edge, Garbage, Hang, Status

OK = {
    "API, tokens": ("ok", "the service user can validate tokens; its roles: admin"),
    "API, groups": ("ok", "the service user can list the groups of users; it is in none itself"),
}


@pytest.fixture
def api(installed: Installation, alpha: Double) -> Installation:
    """Give an installation whose API asks Keystone."""
    installed.configure("api", auth_strategy="keystone")
    given = {
        "auth_type": "password",
        "www_authenticate_uri": alpha.auth_url,
    } | alpha.clouds_entry()["auth"]
    installed.configure("keystone_authtoken", **given)
    return installed


def of_api(found: dict[str, Any]) -> dict[str, Any]:
    return {what: told for what, told in found.items() if what.startswith("API")}


def test_every_check_is_ok(api: Installation) -> None:
    status, found = check(api)
    assert status == 0
    assert of_api(found) == OK
    assert {state for state, _ in found.values()} == {"ok"}


LOST = "is refused for callers, so that grants to groups do not apply"
RIGHTS = {
    "API, tokens": ("validate_token", "GET /auth/tokens is refused for callers"),
    "API, groups": ("list_groups_for_user", f"GET /users/{{id}}/groups {LOST}"),
}


@pytest.mark.parametrize("what", RIGHTS)
def test_a_missing_right_is_reported_with_its_rule(
    api: Installation, alpha: Double, what: str
) -> None:
    rule, call = RIGHTS[what]
    alpha.site.denied.add(rule)
    status, found = check(api)
    said = f"{call}: allow identity:{rule} in Keystone's policy"
    assert (status, of_api(found)) == (
        1,
        OK | {what: ("no permission", f"{said}, see etc/policy/keystone.yaml")},
    )


@pytest.mark.parametrize("what", RIGHTS)
def test_a_policy_that_refuses_even_ones_own(api: Installation, edge: Edge, what: str) -> None:
    rule, _ = RIGHTS[what]
    edge.rule(f"GET .*/{what.removeprefix('API, ')}$", Status(403))
    status, found = check(api)
    state, said = found[what]
    assert (status, state) == (1, "no permission")
    assert f": allow identity:{rule} in " in said


def test_rights_of_the_clouds_user_do_not_count_for_the_api(
    api: Installation, alpha: Double
) -> None:
    alpha.site.denied.update(rule for rule, _ in RIGHTS.values())
    status, found = check(api)
    assert {told[0] for what, told in found.items() if what not in OK} == {"ok"}
    api.configure("api", auth_strategy="noauth")
    assert (check(api)[0], of_api(check(api)[1])) == (0, {})
    assert status == 1


def test_a_wrong_password(api: Installation) -> None:
    api.configure("keystone_authtoken", password="topsecret")
    status, found = check(api)
    assert status == 1
    state, said = found["API, tokens"]
    assert state == "failed"
    assert said.startswith("[keystone_authtoken]: signing in: HTTP 401: Keystone refuses the cred")
    assert found["API, groups"] == ("skipped", "see API, tokens")
    assert "topsecret" not in str(found)
    assert found["alpha: Keystone"][0] == "ok"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"auth_type": ""}, "auth_type: auth_strategy = keystone needs a credential"),
        ({"auth_type": "guesses"}, "cannot be used: "),
        ({"password": ""}, "has no password"),
        ({"memcached_servers": "cache.example.com"}, "are other machines"),
    ],
    ids=str,
)
def test_an_unusable_credential_fails(
    api: Installation, options: dict[str, str], words: str
) -> None:
    api.configure("keystone_authtoken", **options)
    status, found = check(api)
    assert status == 1
    ((state, said),) = of_api(found).values()
    assert state == "failed"
    assert said.startswith("[keystone_authtoken] ")
    assert words in said
    assert found["alpha: Keystone"][0] == "ok"


def test_an_unreachable_keystone_fails(api: Installation) -> None:
    api.configure("keystone_authtoken", auth_url="http://127.0.0.1:1/v3")
    status, found = check(api)
    assert status == 1
    assert found["API, groups"] == ("skipped", "see API, tokens")
    state, said = found["API, tokens"]
    assert state == "failed"
    assert said.startswith("[keystone_authtoken]: signing in: ")


def test_a_missing_www_authenticate_uri_is_a_warning(api: Installation) -> None:
    api.configure("keystone_authtoken", www_authenticate_uri="")
    status, found = check(api)
    assert (status, found["API"][0]) == (0, "warning")
    assert "www_authenticate_uri is not set" in found["API"][1]


def test_a_silent_keystone_ends_within_the_limit(api: Installation, edge: Edge) -> None:
    edge.rule("/auth/tokens", Hang())
    told = api.run("check", "-f", "json", "--timeout", "1")
    assert lines(told)["API"] == ("failed", "Keystone did not answer within 1 s")


@pytest.mark.parametrize("body", [b"{}", b"[]", b"<html>", b""])
def test_unreadable_answers_of_keystone_fail(api: Installation, edge: Edge, body: bytes) -> None:
    edge.rule("GET .*/(tokens|groups)$", Garbage(body))
    status, found = check(api)
    assert status == 1
    for state, said in of_api(found).values():
        assert state == "failed"
        assert said.startswith("[keystone_authtoken]: ")


def test_the_api_is_checked_without_clouds(api: Installation) -> None:
    api.clouds_yaml.unlink()
    status, found = check(api)
    assert (status, of_api(found)) == (1, OK)
    assert found["clouds.yaml"][0] == "failed"
