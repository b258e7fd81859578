"""For whom a receiver may speak: labels resolve inside its bound, or to nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from webtest import TestApp

from openstats.storage.schema import tables
from openstats.storage.store import Store
from tests.api.receiving import alarm, listed, sent, tell, webhook
from tests.registry import site, uuids

Api = Callable[..., TestApp]
CLOUDS = {"east": ("one", "e"), "west": ("one", "w"), "beta": ("two", "e")}
"""Two regions of a Keystone, and another one; each has a tenant of the id shop, and one own."""

INSTANCES = {
    name: f"{number}" * 8 + "-0000-4000-8000-000000000000" for number, name in enumerate(CLOUDS)
}


@pytest.fixture
def known(store: Store) -> dict[str, str]:
    """Fill the clouds, and give uuids: of clouds, of customers, and of "cloud/tenant"."""
    with store.transaction() as db:
        for name, (keystone, region) in CLOUDS.items():
            there = site(db, name, auth_url=f"https://{keystone}.example:5000", region=region)
            there.project(
                "shop", name=f"shop of {keystone}", customer=keystone, groups=[f"web of {keystone}"]
            )
            there.project(f"{name}-own", customer=keystone).project("nobodys", customer=None)
            there.discover().server("shop", uuid=INSTANCES[name])
        cloud, tenant = tables.cloud.c, tables.tenant.c
        joined = tables.tenant.join(tables.cloud, cloud.id == tenant.cloud_id)
        rows = db.execute(select(cloud.name, tenant.keystone_id, tenant.uuid).select_from(joined))
        found = {f"{row[0]}/{row[1]}": row[2] for row in rows}
        found |= {row[0]: row[1] for row in db.execute(select(cloud.name, cloud.uuid))}
        return found | uuids(db, "customer") | uuids(db, "project")


def scopes(app: TestApp, *labels: dict[str, str], **headers: str) -> list[Any]:
    """Tell of alerts with labels, and give what each is found to be of."""
    alerts = [sent(str(number), **given) for number, given in enumerate(labels)]
    tell(app, "am", webhook(*alerts), **headers)
    found = {entry["message"]: entry["scope"] for entry in listed(app, "limit=1000")}
    return [found[f"{number} is down"] for number in range(len(labels))]


def bound_to(known: dict[str, str], bound: dict[str, str]) -> dict[str, str]:
    """Name customers and projects by their uuids; clouds have names."""
    return {name: told if name == "clouds" else known[told] for name, told in bound.items()}


SHOP = {"project_id": "shop"}
BOUNDS: dict[str, tuple[dict[str, str], list[tuple[dict[str, str], str | None]]]] = {
    "everybody": (
        {},
        [
            (SHOP, None),
            (SHOP | {"cloud": "east"}, "tenant east/shop"),
            (SHOP | {"cloud": "beta"}, "tenant beta/shop"),
            (SHOP | {"cloud": "gamma"}, None),
            ({"tenant_id": "east-own"}, "tenant east/east-own"),
            ({"tenant_id": "east-own", "cloud": "beta"}, "cloud beta"),
            ({"project_id": "nobodys", "cloud": "east"}, "tenant east/nobodys"),
            ({"project_id": "nobodys"}, None),
            ({"cloud": "west"}, "cloud west"),
            ({"cloud": "West"}, None),
            ({"instance_id": INSTANCES["beta"]}, "instance beta"),
            ({"instance_id": INSTANCES["beta"]} | SHOP, "instance beta"),
            ({"instance_id": INSTANCES["beta"], "cloud": "east"}, "cloud east"),
            ({"instance_id": "nothing"} | SHOP | {"cloud": "west"}, "tenant west/shop"),
            ({"project_id": ""}, None),
            ({}, None),
        ],
    ),
    "one region": (
        {"clouds": "east"},
        [
            (SHOP, "tenant east/shop"),
            (SHOP | {"cloud": "east"}, "tenant east/shop"),
            # Another cloud's tenant is none of this one, whatever its id.
            (SHOP | {"cloud": "beta"}, None),
            (SHOP | {"cloud": "west"}, None),
            ({"tenant_id": "beta-own"}, None),
            ({"cloud": "beta"}, None),
            ({"cloud": "east"}, "cloud east"),
            ({"instance_id": INSTANCES["beta"]}, None),
            ({"instance_id": INSTANCES["beta"]} | SHOP, "tenant east/shop"),
        ],
    ),
    "both regions": (
        {"clouds": "east,west"},
        [
            (SHOP, "project shop of one"),
            (SHOP | {"cloud": "west"}, "tenant west/shop"),
            ({"project_id": "nobodys"}, None),
        ],
    ),
    "a customer": (
        {"customer": "one"},
        [
            (SHOP, "project shop of one"),
            (SHOP | {"cloud": "west"}, "tenant west/shop"),
            (SHOP | {"cloud": "beta"}, None),
            ({"cloud": "east"}, None),
            ({"tenant_id": "beta-own"}, None),
            ({"project_id": "nobodys", "cloud": "east"}, None),
            ({"instance_id": INSTANCES["west"]}, "instance west"),
            ({"instance_id": INSTANCES["beta"]}, None),
        ],
    ),
    "a project": (
        {"project": "shop of two"},
        [(SHOP, "tenant beta/shop"), ({"tenant_id": "beta-own"}, None), ({"cloud": "beta"}, None)],
    ),
    "nobody": ({"clouds": "gamma"}, [(SHOP, None), ({"cloud": "east"}, None)]),
    "a project elsewhere": ({"clouds": "east", "project": "shop of two"}, [(SHOP, None)]),
}


@pytest.mark.parametrize(("bound", "expected"), BOUNDS.values(), ids=BOUNDS)
def test_labels_name_subjects_within_the_restriction(
    either_receiving: Api, known: dict[str, str], bound: dict[str, str], expected: list[Any]
) -> None:
    options = bound_to(known, bound)
    found = scopes(either_receiving(am=options), *(labels for labels, _ in expected))
    for (labels, of), scope in zip(expected, found, strict=True):
        kind, _, name = (of or "").partition(" ")
        uuid = INSTANCES[name] if kind == "instance" else known.get(name)
        assert scope == ({kind: uuid} if of else None), labels


def test_names_of_labels_are_configurable(either_receiving: Api, known: dict[str, str]) -> None:
    names = {
        "tenant_labels": "tenant,os_project",
        "cloud_labels": "region",
        "instance_labels": "vm",
    }
    app = either_receiving(alerts=names, am={})
    of = {"tenant": known["east/shop"]}
    found = scopes(
        app,
        {"os_project": "shop", "region": "east"},
        {"tenant": "shop", "os_project": "east-own", "region": "east"},
        {"vm": INSTANCES["east"]},
        SHOP | {"cloud": "east"},
    )
    assert found == [of, of, {"instance": INSTANCES["east"]}, None]
    kept = {name for entry in listed(app) for name in entry["labels"]}
    assert kept == {"vm", "os_project", "region", "tenant"}


@pytest.mark.parametrize(
    ("bound", "of"),
    [
        ({"project": "shop of one"}, "project"),
        ({"customer": "two"}, "customer"),
        ({"customer": "two", "project": "shop of two"}, "project"),
        ({"clouds": "east"}, None),
        ({}, None),
    ],
)
def test_an_alarm_is_about_the_object_of_its_receiver(
    either_receiving: Api, known: dict[str, str], bound: dict[str, str], of: str | None
) -> None:
    options = bound_to(known, bound)
    app = either_receiving(am=options | {"kind": "aodh"})
    tell(app, "am", alarm(project_id="shop"))
    assert [entry["scope"] for entry in listed(app)] == [{of: options[of]} if of else None]


@pytest.mark.usefixtures("known")
def test_a_restriction_to_an_unknown_object_allows_no_subject(either_receiving: Api) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    for bound in ({"customer": nobody}, {"project": nobody}):
        app = either_receiving(am=bound, aodh=bound | {"kind": "aodh"})
        assert scopes(app, SHOP, {"instance_id": INSTANCES["east"]}) == [None, None]
        tell(app, "aodh", alarm())
    assert {str(entry["scope"]) for entry in listed(app)} == {"None"}


@pytest.mark.parametrize("told", [False, True])
def test_messages_are_for_admins_unless_tenant_visible(
    either_receiving: Api, known: dict[str, str], told: bool
) -> None:
    app = either_receiving(am={"clouds": "east", "tenant_visible": str(told)})
    assert scopes(app, SHOP, {"cloud": "east"}, {})
    grant = {"subject": "jane", "role": "owner", "scope": {"customer": known["one"]}}
    app.post_json("/api/grants/", grant)
    (entry,) = listed(app, "on_behalf_of=jane")
    assert "labels" not in entry
    assert entry["message"] == ("0 is down" if told else "HostDown")
    assert app.get(f"/api/alerts/{entry['uuid']}/?on_behalf_of=jane").json == entry
    (whole,) = listed(app, f"uuid={entry['uuid']}")
    assert (whole["message"], whole["labels"]) == ("0 is down", SHOP)
