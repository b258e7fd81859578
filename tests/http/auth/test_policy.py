"""The rules: what each persona may do, before anybody changed them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openstats.api.alerts import receivers
from openstats.api.policies import RULES
from openstats.api.routes import RESOURCES, STATISTICS
from openstats.errors import ConfigError
from openstats.http.auth.policy import (
    ADMIN,
    ON_BEHALF_OF,
    SEES_EVERYTHING,
    Credentials,
    Policy,
    enforcer,
    unknown_rules,
)
from openstats.wsgi.strategies import list_rules


def caller(*roles: str, **scope: Any) -> Credentials:
    return Credentials(roles, **scope)


PERSONAS = {
    "admin": caller("admin", "member", "reader", admin_project=True),
    "system admin": caller("admin", "member", "reader", system_scope="all"),
    "reader": caller("reader", admin_project=True),
    "system reader": caller("reader", system_scope="all"),
    "service": caller("service"),
    "admin of another project": caller("admin", "member", "reader"),
    "member of the admin project": caller("member", admin_project=True),
    "reader of a project": caller("reader"),
    "nobody": caller(),
}
ALL = frozenset(PERSONAS)
READING = {"admin", "system admin", "reader", "system reader", "service"}


@pytest.fixture(scope="module")
def policy(options: Callable[..., Any]) -> Policy:
    return Policy(options(), RULES)


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        (ADMIN, {"admin", "system admin"}),
        (SEES_EVERYTHING, READING),
        (ON_BEHALF_OF, {"admin", "system admin", "service"}),
        ("openstats:resource:get", READING),
        *((f"openstats:{name}:get", ALL) for name in ("quota", "customer", "creation-time")),
        ("openstats:usage:get", ALL),
        ("openstats:alert:get", ALL),
        ("openstats:alerts:get", ALL),
        ("openstats:alerts:write", {"admin", "system admin", "service"}),
        ("openstats:receivers:get", READING - {"service"}),
        *((f"openstats:{name}:get", ALL) for name in ("customers", "tenants", "clouds")),
        *((f"openstats:{name}:get", READING - {"service"}) for name in ("grants", "audit")),
        *(
            (f"openstats:{name}:write", {"admin", "system admin"})
            for name in ("customers", "grants", "clouds")
        ),
        ("openstats:closed", frozenset()),
    ],
)
def test_personas_have_the_documented_rights(policy: Policy, rule: str, allowed: set[str]) -> None:
    assert {name for name, who in PERSONAS.items() if policy.allows(rule, who)} == allowed


def test_every_route_has_its_rule_which_says_what_it_is_for() -> None:
    permissions = {statistic.permission for statistic in STATISTICS}
    for resource in RESOURCES:
        permissions |= {resource.permission(method) for method in ("GET", *resource.bodies)}
    permissions.add(receivers.LIST_RECEIVERS)
    assert {rule.name for rule in RULES} == permissions
    for rule in RULES:
        assert rule.description
        assert rule.operations


def test_a_policy_file_overrides(options: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text('"openstats:quota:get": "rule:openstats:everything"\n')
    conf = options()
    Policy(conf, RULES)
    conf.set_override("policy_file", str(path), group="oslo_policy")
    now = [0.0]
    changed = Policy(conf, RULES, lambda: now[0])
    assert not changed.allows("openstats:quota:get", PERSONAS["nobody"])
    assert changed.allows("openstats:quota:get", PERSONAS["reader"])
    assert changed.allows("openstats:usage:get", PERSONAS["nobody"])
    mine = Credentials(("reader",), project_id="p")
    path.write_text('"openstats:reader": "project_id:p"\n')
    assert Policy(conf, RULES).allows(SEES_EVERYTHING, mine)
    # It is read again, a few seconds after it was changed.
    path.write_text('"openstats:quota:get": "@" # for everybody\n')
    assert not changed.allows("openstats:quota:get", PERSONAS["nobody"])
    now[0] = 5.0
    assert changed.allows("openstats:quota:get", PERSONAS["nobody"])


MISTAKES = {
    "not YAML": ('"openstats:quota:get": "role:x\n', "cannot be read"),
    "a tab": ('"openstats:quota:get":\t- "role:x"\n\t- y\n', "cannot be read"),
    "a list": ("- openstats:quota:get\n", "must be YAML of the form"),
    "a word": ("everybody\n", "must be YAML of the form"),
    "no rule": ('"openstats:quota:get": "role:x or or role:y"\n', "'role:x or or role:y'"),
    "no check": ('"openstats:quota:get": "admins"\n', "'admins'"),
    "an unknown rule": ('"openstats:quota:get": "rule:openstats:admins"\n', "refers to"),
    "a circle": ('"openstats:quota:get": "rule:openstats:quota:get"\n', "refers to itself"),
}


@pytest.fixture
def policy_file(options: Callable[..., Any], tmp_path: Path) -> tuple[Any, Path]:
    """Give a configuration, and the policy file that it names."""
    path = tmp_path / "policy.yaml"
    path.write_text('"openstats:quota:get": "role:x"\n')
    conf = options()
    Policy(conf, RULES)
    conf.set_override("policy_file", str(path), group="oslo_policy")
    return conf, path


@pytest.mark.parametrize(("text", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_policy_file_with_a_mistake_is_refused_by_its_name(
    policy_file: tuple[Any, Path], text: str, words: str
) -> None:
    conf, path = policy_file
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"policy\.yaml") as refusal:
        Policy(conf, RULES)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("text", "words"), MISTAKES.values(), ids=MISTAKES)
def test_rules_stay_while_the_policy_file_has_a_mistake(
    policy_file: tuple[Any, Path], caplog: pytest.LogCaptureFixture, text: str, words: str
) -> None:
    conf, path = policy_file
    now = [0.0]
    policy = Policy(conf, RULES, lambda: now[0])
    path.write_text(text)
    for now[0] in (5.0, 10.0):
        assert policy.allows("openstats:quota:get", caller("x"))
        assert not policy.allows("openstats:quota:get", caller("y"))
    (line,) = [each.message for each in caplog.records if each.levelname == "ERROR"]
    assert str(path) in line
    assert words in line
    path.write_text('"openstats:quota:get": "role:y"\n')
    now[0] = 15.0
    assert policy.allows("openstats:quota:get", caller("y"))


def test_a_policy_file_that_goes_leaves_the_defaults(policy_file: tuple[Any, Path]) -> None:
    conf, path = policy_file
    now = [0.0]
    policy = Policy(conf, RULES, lambda: now[0])
    assert not policy.allows("openstats:quota:get", PERSONAS["nobody"])
    path.unlink()
    now[0] = 5.0
    assert policy.allows("openstats:quota:get", PERSONAS["nobody"])


def test_unknown_names_in_a_policy_file_are_found(policy_file: tuple[Any, Path]) -> None:
    conf, path = policy_file
    rules = {"openstats:qouta:get": "@", "mine": "role:x", "openstats:quota:get": "rule:mine"}
    path.write_text("".join(f'"{name}": "{rule}"\n' for name, rule in rules.items()))
    assert unknown_rules(enforcer(conf, list_rules())) == ["openstats:qouta:get"]
