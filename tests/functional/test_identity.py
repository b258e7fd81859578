"""Who sees what: every kind of caller against a real Keystone, in one table.

Two clouds have tenants of equal ids, behind different Keystones: what is seen of one by its token
must not be seen of the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.devcloud import Cloud
from tests.edge import Edge
from tests.functional.personas import Keystone
from tests.functional.system import Api, System

CURRENT, ZED = "current", "zed"


@dataclass
class House:
    """A running service, and what is in its registry: tenants and projects by uuid."""

    system: System
    keystone: Keystone
    api: Api
    tenants: list[dict[str, Any]]

    def grant(self, scope: str, uuid: str, role: str, **to: str) -> None:
        ((grantee, value),) = to.items()
        self.system.sql(
            f'INSERT INTO "grant" (uuid, {grantee}, role, {scope}_id, created_at) '
            f"SELECT '{uuid4()}', '{value}', '{role}', id, 0 FROM {scope} WHERE uuid = '{uuid}'"
        )

    def projects(self, **where: str) -> set[str]:
        """Give the uuids of the projects of some tenants."""
        return {
            row["project"]
            for row in self.tenants
            if all(row[name] == value for name, value in where.items())
        }

    def seen(self, token: str, **more: str) -> set[str]:
        """Give the uuids of the projects that a caller sees."""
        found = self.api.as_(token).get("quota", aggregate="project", each="true", **more)
        return {entry["uuid"] for entry in found}


TENANTS = """
SELECT tenant.uuid, tenant.tenant_id, tenant.name, cloud.name AS cloud, project.uuid AS project,
       customer.uuid AS customer, customer.keystone_id AS domain
FROM tenant JOIN cloud ON cloud.id = tenant.cloud_id JOIN project ON project.id = tenant.project_id
JOIN customer ON customer.id = project.customer_id
ORDER BY tenant.deleted_at IS NOT NULL, cloud.name, tenant.name
"""
COLUMNS = ("uuid", "tenant_id", "name", "cloud", "project", "customer", "domain")


@pytest.fixture(scope="module")
def house(clouds: dict[str, Cloud], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    entries = {name: cloud.clouds_entry() for name, cloud in clouds.items()}
    home: Path = tmp_path_factory.mktemp("identity")
    with Edge() as edge, System(home, entries, edge) as system:
        system.run("collect", "--once", "--full")
        # A tenant of each cloud gets the same id, as Keystones that know nothing of one another
        # could have given.
        system.sql(
            "UPDATE tenant SET tenant_id = (SELECT tenant_id FROM tenant JOIN cloud ON cloud.id ="
            f" cloud_id WHERE cloud.name = '{CURRENT}' AND project_id IS NOT NULL ORDER BY"
            " tenant.name LIMIT 1) WHERE id = (SELECT tenant.id FROM tenant JOIN cloud ON"
            f" cloud.id = cloud_id WHERE cloud.name = '{ZED}' AND project_id IS NOT NULL"
            " ORDER BY tenant.name LIMIT 1)"
        )
        auth = entries[CURRENT]["auth"]
        system.sections = {
            "api": {"auth_strategy": "keystone"},
            "keystone_authtoken": {"auth_type": "password"} | auth,
        }
        system.configure()
        keystone = Keystone(clouds[CURRENT])
        tenants = [dict(zip(COLUMNS, row, strict=True)) for row in system.sql(TENANTS)]
        with system.serving() as api:
            yield House(system, keystone, api, tenants)


def mine(house: House) -> dict[str, Any]:
    """Give the tenant of the current cloud whose id one of the other cloud has as well."""
    first = next(row for row in house.tenants if row["cloud"] == CURRENT)
    (other,) = [
        row
        for row in house.tenants
        if row["cloud"] == ZED and row["tenant_id"] == first["tenant_id"]
    ]
    assert other["project"] != first["project"]
    return first


def sees(house: House, token: str) -> tuple[int, set[str]]:
    """Give the status of what is for admins, and which projects are seen."""
    url = house.keystone.url
    status, _, headers = house.api.as_(token).ask("resource", auth_url=url)
    assert "X-Openstack-Request-Id" in headers
    return status, house.seen(token)


@pytest.mark.parametrize("token", ["", "no-token", "gAAAAABnnnn"])
def test_without_a_valid_token_there_is_nothing(house: House, token: str) -> None:
    forged = {
        "X_Roles": "admin",
        "X_Identity_Status": "Confirmed",
        "X_Is_Admin_Project": "True",
        "X_Project_Name": "admin",
        "X_Project_Domain_Id": "default",
        "X_User_Id": "me",
        "OpenStack_System_Scope": "all",
    }
    for statistic in ("resource", "quota", "customer", "creation-time", "usage"):
        for headers in ({}, forged):
            status, document, told = house.api.as_(token, **headers).ask(statistic)
            assert status == 401
            assert document["errors"][0]["code"] == "openstats.token.missing"
            assert told["Www-Authenticate"].startswith("Keystone uri=")


def test_a_revoked_token_that_was_never_seen_is_none(house: House) -> None:
    user = house.keystone.user()
    token = house.keystone.token(user)
    house.keystone.revoke(token)
    assert house.api.as_(token).ask("quota")[0] == 401


def test_every_kind_of_caller_sees_what_is_theirs(house: House) -> None:
    keystone, own = house.keystone, mine(house)
    tenant, customer = own["tenant_id"], own["customer"]
    whole, nothing = house.projects(), set()
    of_customer = house.projects(customer=customer)
    mine_only = {own["project"]}
    elsewhere = next(
        r for r in house.tenants if r["cloud"] == ZED and r["project"] != own["project"]
    )
    admin_project = keystone.project("admin")

    user = keystone.user(**{f"project_{tenant}": "member"})
    owner = keystone.user(**{f"project_{tenant}": "member"})
    house.grant("customer", customer, "owner", user_id=owner.id)
    manager = keystone.user()
    house.grant("project", elsewhere["project"], "manager", user_id=manager.id)
    grouped = keystone.user()
    house.grant("project", own["project"], "admin", group_id=keystone.group(grouped))
    of_cloud = keystone.user()
    (zed,) = [r[0] for r in house.system.sql(f"SELECT uuid FROM cloud WHERE name = '{ZED}'")]
    house.grant("cloud", zed, "admin", user_id=of_cloud.id)
    trusted = keystone.user()

    def with_role(role: str, **scope: Any) -> str:
        ((kind, id_),) = scope.items()
        name = "system" if kind == "system" else f"{kind}_{id_}"
        return keystone.token(keystone.user(**{name: role}), **scope)

    table = {
        "no role": (keystone.token(keystone.user()), 403, nothing),
        "reader of a project": (with_role("reader", project=tenant), 403, mine_only),
        "member of a project": (keystone.token(user, project=tenant), 403, mine_only),
        "admin of a project": (with_role("admin", project=tenant), 403, mine_only),
        "admin of a domain": (with_role("admin", domain=own["domain"]), 403, of_customer),
        "reader of the system": (with_role("reader", system=True), 200, whole),
        "admin of the system": (with_role("admin", system=True), 200, whole),
        "admin": (with_role("admin", project=admin_project), 200, whole),
        "reader": (with_role("reader", project=admin_project), 200, whole),
        "service": (with_role("service", project=keystone.project("service")), 200, whole),
        "application credential": (
            keystone.application_credential(user, tenant)[1],
            403,
            mine_only,
        ),
        "application credential of an owner": (
            keystone.application_credential(owner, tenant)[1],
            403,
            mine_only,
        ),
        "trust of an owner": (
            keystone.trust(owner, trusted, tenant, "member"),
            403,
            mine_only,
        ),
        "owner of a customer": (keystone.token(owner, project=tenant), 403, of_customer),
        "owner, unscoped": (keystone.token(owner), 403, of_customer),
        "manager of a project": (keystone.token(manager), 403, {elsewhere["project"]}),
        "admin of a project by a group": (keystone.token(grouped), 403, mine_only),
        "admin of a cloud": (keystone.token(of_cloud), 403, house.projects(cloud=ZED)),
    }
    found = {name: sees(house, token) for name, (token, *_) in table.items()}
    assert found == {name: tuple(expected) for name, (_, *expected) in table.items()}


def test_on_behalf_of_narrows_and_is_for_portals(house: House) -> None:
    keystone, own = house.keystone, mine(house)
    house.grant("project", own["project"], "manager", subject="portal:ann@example.org")
    service = keystone.user(**{f"project_{keystone.project('service')}": "service"})
    token = keystone.token(service, project=keystone.project("service"))
    assert house.seen(token, on_behalf_of="portal:ann@example.org") == {own["project"]}
    assert house.seen(token, on_behalf_of="portal:nobody") == set()
    asked = house.api.as_(token).ask
    url = keystone.url
    assert asked("resource", auth_url=url, on_behalf_of="portal:ann@example.org")[0] == 403
    other = keystone.user(**{f"project_{own['tenant_id']}": "reader"})
    theirs = house.api.as_(keystone.token(other, project=own["tenant_id"]))
    assert theirs.ask("quota", on_behalf_of="portal:ann@example.org")[0] == 403


def test_sums_are_over_what_is_visible(house: House) -> None:
    keystone, own = house.keystone, mine(house)
    reader = keystone.user(**{f"project_{own['tenant_id']}": "reader"})
    token = keystone.token(reader, project=own["tenant_id"])
    everything = {
        entry["uuid"]: entry
        for entry in house.api.as_(admin(keystone)).get("quota", aggregate="project", each="true")
    }
    alone = everything[own["project"]]
    (customer,) = house.api.as_(token).get("customer")
    assert customer["projects"] == 1
    whole = house.api.as_(token).get("quota")
    assert whole == {name: alone[name] for name in whole}


def admin(keystone: Keystone) -> str:
    project = keystone.project("admin")
    user = keystone.user(**{f"project_{project}": "admin"})
    return keystone.token(user, project=project)
