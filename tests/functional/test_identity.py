"""Who sees what: every kind of caller against a real Keystone, in one table.

Two clouds have tenants of equal ids, behind different Keystones: what is seen of one by its token
must not be seen of the other.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from openstats.api.registry.resources import Resource
from openstats.api.routes import RESOURCES, ROOTS, STATISTICS
from openstats.http import receiver_urls
from tests.devcloud import Cloud
from tests.functional.house import (
    CLOSED,
    CURRENT,
    OPEN,
    TOKEN,
    ZED,
    House,
    admin,
    alerted,
    counted,
    opened,
)
from tests.functional.system import Api


@pytest.fixture(scope="module")
def house(clouds: dict[str, Cloud], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(clouds, tmp_path_factory.mktemp("identity")) as found:
        yield found


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


NOWHERE = "00000000-0000-0000-0000-000000000000"
ADMIN = {"read": 200, "private": 200, "resource": 200, "write": "allowed", "alert": "allowed"}
ADMIN |= {CLOSED: 401}
READER = ADMIN | {"write": 403, "alert": 403}
SERVICE = READER | {"private": 403, "alert": "allowed"}
OTHERS = SERVICE | {"resource": 403, "alert": 403}
LISTS = (*(resource.url for resource in RESOURCES), receiver_urls.RECEIVERS)
NOBODY = dict.fromkeys(OTHERS, 401)


def allowed(house: House, token: str) -> dict[str, Any]:
    """Try every route, and give by kind of route what came out, the same for all of the kind."""
    found = defaultdict(set)
    for statistic in STATISTICS:
        query = f"auth_url={house.keystone.url}" if statistic.is_private else ""
        query += "&type=customer" * (statistic.name == "creation-time")
        query += "&item=cpu" * (statistic.name == "usage")
        for root in ROOTS:
            status = house.api.as_(token).call("GET", f"{root}/{statistic.name}/?{query}")[0]
            found["resource" if statistic.is_private else "read"].add(status)
    for resource in RESOURCES:
        status = house.api.as_(token).call("GET", resource.url)[0]
        found["private" if resource.is_private else "read"].add(status)
        for method, path in writing(resource):
            status = house.api.as_(token).call(method, path, {})[0]
            # An empty body creates nothing, and what is nowhere cannot be changed.
            kind = "alert" if resource.services_write else "write"
            found[kind].add("allowed" if status in {400, 404} else status)
    api = house.api.as_(token)
    found["private"].add(api.call("GET", receiver_urls.RECEIVERS)[0])
    found[CLOSED].add(api.call("POST", f"{receiver_urls.RECEIVERS}{CLOSED}/", {"alerts": []})[0])
    return {kind: next(iter(statuses)) for kind, statuses in found.items() if len(statuses) == 1}


def writing(resource: Resource) -> Iterator[tuple[str, str]]:
    for url, methods in resource.methods.items():
        for method in methods:
            if method not in {"GET", "HEAD"}:
                yield method, url.replace("{uuid}", NOWHERE)


def sees(house: House, token: str) -> tuple[dict[str, Any], set[str]]:
    """Give which routes are open, and which projects are seen: in quotas, registry and alerts."""
    seen, api = house.seen(token), house.api.as_(token)
    listed = api.call("GET", "/api/projects/?limit=1000")[1]["projects"]
    assert {project["uuid"] for project in listed} == seen
    of_tenants = {row["uuid"] for row in house.tenants if row["project"] in seen}
    assert alerted(api, "tenant") == of_tenants
    return allowed(house, token), seen


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
    for headers in ({}, forged):
        api = house.api.as_(token, **headers)
        for path in (*(f"{root}/quota/" for root in ROOTS), *LISTS):
            status, document, told = api.call("GET", path)
            assert status == 401
            assert document["errors"][0]["code"] == "openstats.token.missing"
            assert told["Www-Authenticate"].startswith("Keystone uri=")
    assert allowed(house, token) == NOBODY


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
    of_group = keystone.user()
    made = {"name": "web", "customer": customer, "projects": [own["project"]]}
    _, group, _ = house.api.as_(admin(keystone)).call("POST", "/api/project-groups/", made)
    house.grant("project_group", group["uuid"], "manager", user_id=of_group.id)

    both = keystone.user(**{f"project_{tenant}": "reader"})
    house.grant("project", elsewhere["project"], "manager", user_id=both.id)
    made = {"name": "empty", "customer": customer}
    _, empty, _ = house.api.as_(admin(keystone)).call("POST", "/api/project-groups/", made)
    of_empty = keystone.user()
    house.grant("project_group", empty["uuid"], "manager", user_id=of_empty.id)

    def with_role(role: str, **scope: Any) -> str:
        ((kind, id_),) = scope.items()
        name = "system" if kind == "system" else f"{kind}_{id_}"
        return keystone.token(keystone.user(**{name: role}), **scope)

    table = {
        "no role": (keystone.token(keystone.user()), OTHERS, nothing),
        "reader of a project": (with_role("reader", project=tenant), OTHERS, mine_only),
        "member of a project": (keystone.token(user, project=tenant), OTHERS, mine_only),
        "admin of a project": (with_role("admin", project=tenant), OTHERS, mine_only),
        "admin of a domain": (with_role("admin", domain=own["domain"]), OTHERS, of_customer),
        "reader of the system": (with_role("reader", system=True), READER, whole),
        "admin of the system": (with_role("admin", system=True), ADMIN, whole),
        "admin": (with_role("admin", project=admin_project), ADMIN, whole),
        "reader": (with_role("reader", project=admin_project), READER, whole),
        "service": (with_role("service", project=keystone.project("service")), SERVICE, whole),
        "application credential": (
            keystone.application_credential(user, tenant)[1],
            OTHERS,
            mine_only,
        ),
        "application credential of an owner": (
            keystone.application_credential(owner, tenant)[1],
            OTHERS,
            mine_only,
        ),
        "trust of an owner": (
            keystone.trust(owner, trusted, tenant, "member"),
            OTHERS,
            mine_only,
        ),
        "owner of a customer": (keystone.token(owner, project=tenant), OTHERS, of_customer),
        "owner, unscoped": (keystone.token(owner), OTHERS, of_customer),
        "manager of a project": (keystone.token(manager), OTHERS, {elsewhere["project"]}),
        "reader of a project, manager of another": (
            keystone.token(both, project=tenant),
            OTHERS,
            {own["project"], elsewhere["project"]},
        ),
        "manager of an empty project group": (keystone.token(of_empty), OTHERS, nothing),
        "manager of a project group": (keystone.token(of_group), OTHERS, mine_only),
        "admin of a project by a group": (keystone.token(grouped), OTHERS, mine_only),
        "admin of a cloud": (keystone.token(of_cloud), OTHERS, house.projects(cloud=ZED)),
    }
    found = {name: sees(house, token) for name, (token, *_) in table.items()}
    assert found == {name: tuple(expected) for name, (_, *expected) in table.items()}
    customers = {project["project"]: project["customer"] for project in house.tenants}
    counts = counted(house.api.as_(table["admin"][0]))
    assert all(entry["Info"] == 1 for entry in counts.values())
    for name, (token, _, seen) in table.items():
        own_counts = {project: counts[project] for project in seen}
        assert counted(house.api.as_(token)) == own_counts, name
        # What is of a customer itself, is for those who see all of it.
        sees_all = any(seen is all_of_them for all_of_them in (whole, of_customer))
        of_all = {customers[project] for project in seen} if sees_all else set()
        assert alerted(house.api.as_(token), "customer") == of_all, name


def test_receivers_are_opened_by_their_own_tokens_or_by_those_of_a_project(house: House) -> None:
    keystone, own = house.keystone, mine(house)
    user = keystone.user(**{f"project_{own['tenant_id']}": "member", "system": "reader"})

    def sent(receiver: str, api: Api, **labels: str) -> int:
        alert = {"status": "firing", "fingerprint": "f", "startsAt": "2026-11-01T00:00:00Z"}
        told = {"alerts": [alert | {"labels": {"alertname": receiver} | labels}]}
        return api.call("POST", f"{receiver_urls.RECEIVERS}{receiver}/", told)[0]

    of_project = house.api.as_(keystone.token(user, project=own["tenant_id"]))
    for token in (keystone.token(user), keystone.token(user, system=True)):
        assert sent(OPEN, house.api.as_(token)) == 403
    assert sent(CLOSED, of_project) == 401
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert sent(CLOSED, house.api.as_("", **bearer)) == 204
    assert house.api.as_("", **bearer).call("GET", receiver_urls.RECEIVERS)[0] == 401
    # Whatever it says, it is of the token's own tenant, or of nobody.
    other = next(r for r in house.tenants if r["tenant_id"] != own["tenant_id"])
    assert sent(OPEN, of_project, project_id=own["tenant_id"]) == 204
    path = f"/api/alerts/?source={OPEN}"
    (alert,) = of_project.call("GET", path)[1]["alerts"]
    assert (alert["scope"], alert["message"]) == ({"tenant": own["uuid"]}, OPEN)
    stranger = keystone.user(**{f"project_{other['tenant_id']}": "member"})
    theirs = house.api.as_(keystone.token(stranger, project=other["tenant_id"]))
    assert sent(OPEN, theirs, project_id=own["tenant_id"]) == 204
    assert of_project.call("GET", path)[1]["alerts"] == [alert]
    assert theirs.call("GET", path)[1]["alerts"] == []


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


def test_the_registry_shows_what_is_visible(house: House) -> None:
    keystone, own = house.keystone, mine(house)
    reader = keystone.user(**{f"project_{own['tenant_id']}": "reader"})
    api = house.api.as_(keystone.token(reader, project=own["tenant_id"]))

    def listed(kind: str) -> Any:
        return api.call("GET", f"/api/{kind}/")[1][kind]

    assert [tenant["uuid"] for tenant in listed("tenants")] == [own["uuid"]]
    assert [customer["uuid"] for customer in listed("customers")] == [own["customer"]]
    (cloud,) = listed("clouds")
    assert cloud == {"uuid": cloud["uuid"], "name": CURRENT}
    assert {instance["tenant"] for instance in listed("instances")} <= {own["uuid"]}
    other = next(row for row in house.tenants if row["uuid"] != own["uuid"])
    for path in (f"/api/tenants/{other['uuid']}/", f"/api/projects/{other['project']}/"):
        assert api.call("GET", path)[0] == 404


def test_an_admins_grant_holds_at_once_and_until_it_is_deleted(house: House) -> None:
    keystone, own = house.keystone, mine(house)
    user = keystone.user()
    token, api = keystone.token(user), house.api.as_(admin(keystone))
    assert house.seen(token) == set()
    body = {"user_id": user.id, "role": "owner", "scope": {"customer": own["customer"]}}
    status, made, _ = api.call("POST", "/api/grants/", body)
    assert status == 201
    assert house.seen(token) == house.projects(customer=own["customer"])
    newest = api.call("GET", "/api/audit/?limit=1")[1]["audit"][0]
    assert (newest["kind"], newest["object"], newest["after"]) == ("grant", made["uuid"], made)
    assert api.call("DELETE", f"/api/grants/{made['uuid']}/")[0] == 204
    assert house.seen(token) == set()
