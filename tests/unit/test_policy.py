"""The rules: what each persona may do, before anybody changed them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openstats.api import receivers
from openstats.api.policy import ADMIN, EVERYTHING, ON_BEHALF_OF, Credentials, Policy
from openstats.api.routes import RESOURCES, STATISTICS
from openstats.api.rules import RULES


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
        (EVERYTHING, READING),
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
def test_who_may_do_what(policy: Policy, rule: str, allowed: set[str]) -> None:
    assert {name for name, who in PERSONAS.items() if policy.allows(rule, who)} == allowed


def test_every_route_has_its_rule_which_says_what_it_is_for() -> None:
    permissions = {statistic.permission for statistic in STATISTICS}
    for resource in RESOURCES:
        permissions |= {resource.permission(method) for method in ("GET", *resource.bodies)}
    permissions.add(receivers.READ)
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
    assert Policy(conf, RULES).allows(EVERYTHING, mine)
    # It is read anew, a few seconds after it was changed.
    path.write_text('"openstats:quota:get": "@" # for everybody\n')
    assert not changed.allows("openstats:quota:get", PERSONAS["nobody"])
    now[0] = 5.0
    assert changed.allows("openstats:quota:get", PERSONAS["nobody"])
