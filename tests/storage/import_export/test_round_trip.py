"""Whatever is exported is imported again: names of every kind, dates, grants, and what is gone."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from openstats import names
from openstats.api.registry import imports
from openstats.errors import RegistryError
from openstats.model import EVERYTHING
from openstats.storage.entries.audit import AUDIT
from openstats.storage.entries.grants import GRANTS
from openstats.storage.entries.pagination import read_all
from openstats.storage.import_export.exporter import export_registry
from openstats.storage.import_export.importer import import_registry
from openstats.storage.registry import grants
from openstats.storage.registry.audit import Author
from openstats.storage.registry.grants import GrantValues
from openstats.storage.schema import tables as schema
from openstats.storage.store import Database, Store
from tests.registry import KEYSTONE, NOW, Site, created, site, uuids
from tests.undone import undone

HOSTILE = (
    "株式会社\u3000山田",
    "a\u00a0b\u00ad",
    "👩\u200d🚀",
    " ",
    "no",
    "007",
    "~",
    "a: b",
    "\u2028",
)
ANN = "10000000-0000-0000-0000-000000000000"
AUTHOR = Author("registry import by ann", NOW, "req-1")


def characters() -> st.SearchStrategy[str]:
    return st.characters().filter(lambda c: names.problem(c) is None)


any_name = st.text(characters(), min_size=1, max_size=255) | st.sampled_from(HOSTILE)


def filled(db: Database, *called: str) -> Site:
    """Discover a customer with a group and a project of each of these names."""
    alpha = site(db)
    for number, name in enumerate(called):
        alpha.project(f"p{number}", name=name, customer=name, groups=[name])
    return alpha.discover()


def through_yaml(document: Any) -> Any:
    return yaml.safe_load(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


@given(st.lists(any_name, min_size=1, max_size=3, unique=True))
def test_every_name_comes_in_again(shared_store: Store, called: list[str]) -> None:
    with undone(shared_store) as db:
        filled(db, *called)
        document = export_registry(db)
    with undone(shared_store) as db:
        filled(db, *called)
        assert import_registry(db, through_yaml(document), NOW).counts["customers"] == len(called)
        assert export_registry(db) == document
        assert set(uuids(db, "customer")) == set(called)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64))
def test_unprintable_names_survive_the_round_trip(shared_store: Store, called: str) -> None:
    called = names.storable(called)
    with undone(shared_store) as db:
        filled(db, called)
        document = through_yaml(export_registry(db))
        assert imports.import_registry(db, document, AUTHOR)["projects"] == 1
        assert entries_of_the_audit(db) == []
        assert uuids(db, "project").keys() == {called}
        for table in ("project", "customer", "project_group"):
            assert not db.scalar(select(schema.metadata.tables[table].c.name_by_hand))
    with undone(shared_store) as db:
        import_registry(db, without_tenants(document), NOW)
        assert uuids(db, "project").keys() == {names.cleaned(called)}


def without_tenants(document: Any) -> Any:
    (customer,) = document["customers"]
    projects = [project | {"tenants": []} for project in customer["projects"]]
    return {"customers": [customer | {"projects": projects}]}


def grant_all(db: Database) -> None:
    """Grant a role on one of each kind."""
    on = {"customer": "acme", "project_group": "web", "project": "shop", "cloud": "alpha"}
    tables = {kind: schema.metadata.tables[kind] for kind in on}
    for number, (kind, name) in enumerate(on.items()):
        table = tables[kind]
        uuid = db.scalar(select(table.c.uuid).where(table.c.name == name))
        role = grants.ROLES[kind][0]
        values = GrantValues("subject", f"portal\u3000{number}", role, kind, str(uuid))
        grants.write(db, f"{number}{ANN[1:]}", values, NOW)


def test_grants_are_exported_and_a_cloud_is_called_by_its_name(shared_store: Store) -> None:
    with undone(shared_store) as db:
        site(db).project("shop", groups=["web"]).discover()
        grant_all(db)
        document = export_registry(db)
    assert {"cloud": "alpha"} in [grant["scope"] for grant in document["grants"]]
    with undone(shared_store) as db:
        site(db).project("shop", groups=["web"]).discover()
        assert import_registry(db, document, NOW).counts["grants"] == 4
        assert export_registry(db) == document
        uuid = db.scalar(select(schema.cloud.c.uuid))
        (on_cloud,) = read_all(db, GRANTS, EVERYTHING, {"cloud": uuid})
        assert on_cloud.values.kind == "cloud"


def test_a_grant_that_is_there_under_another_uuid_is_not_given_twice(db: Database) -> None:
    site(db).project("shop", groups=["web"]).discover()
    grant_all(db)
    document = export_registry(db)
    for grant in document["grants"]:
        grant["uuid"] = f"9{grant['uuid'][1:]}"
    before = export_registry(db)
    import_registry(db, document, NOW)
    assert export_registry(db) == before


GRANT = {"subject": "jane", "role": "owner", "scope": {"customer": ANN}}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, f"grant: customer {ANN} not found (grant number 1)"),
        ({"role": "admin", "scope": {"cloud": "x"}}, "grant: no cloud 'x' is registered"),
    ],
)
def test_a_grant_on_what_is_not_there_is_refused(db: Database, changed: Any, problem: str) -> None:
    with pytest.raises(RegistryError) as raised:
        import_registry(db, {"grants": [GRANT | changed]}, NOW)
    assert str(raised.value).startswith(problem)


def test_an_unknown_creation_date_stays_unknown(shared_store: Store) -> None:
    with undone(shared_store) as db:
        site(db).project("shop").discover(first=True)
        document = export_registry(db)
    assert document["customers"][0]["created_at"] is None
    for entry in (document["customers"][0], document["customers"][0]["projects"][0]):
        del entry["origin"]
    document["customers"][0]["projects"][0]["tenants"] = []
    with undone(shared_store) as db:
        import_registry(db, document, NOW)
        assert created(db, "customer") == {"acme": None}
        assert created(db, "project") == {"shop": None}


def test_tenants_that_are_gone_are_not_exported(shared_store: Store) -> None:
    with undone(shared_store) as db:
        alpha = site(db).project("shop").project("blog").discover()
        alpha.without("blog").discover().discover()
        document = export_registry(db)
    with undone(shared_store) as db:
        site(db).project("shop").discover()
        assert import_registry(db, document, NOW).counts["tenants"] == 1


def entries_of_the_audit(db: Database) -> list[tuple[str, str, Any, Any]]:
    records = read_all(db, AUDIT, EVERYTHING)
    return [(record.kind, record.action, record.before, record.after) for record in records]


def test_an_import_is_in_the_audit_and_one_that_changes_nothing_is_not(db: Database) -> None:
    alpha = site(db).project("shop", groups=["web"]).project("lab", customer=None).discover()
    before = export_registry(db)
    imports.import_registry(db, before, AUTHOR)
    assert entries_of_the_audit(db) == []
    (acme,) = before["customers"]
    lab = {"uuid": ANN, "name": "lab", "tenants": [{"cloud": "alpha", "tenant_id": "lab"}]}
    changed = acme | {"name": "Acme Ltd", "projects": [*acme["projects"], lab]}
    given = {"customers": [changed], "grants": [GRANT | {"scope": {"customer": acme["uuid"]}}]}
    imports.import_registry(db, given, AUTHOR)
    found = {row[0]: row[1:] for row in entries_of_the_audit(db)}
    assert {kind: row[0] for kind, row in found.items()} == {
        "customer": "change",
        "project": "create",
        "tenant": "change",
        "grant": "create",
    }
    assert (found["customer"][1]["name"], found["customer"][2]["name"]) == ("acme", "Acme Ltd")
    assert (found["tenant"][1]["project"], found["tenant"][2]["project"]) == (None, ANN)
    assert found["tenant"][1]["tenant_id"] == "lab"
    who = db.execute(select(schema.audit.c.who, schema.audit.c.request_id).distinct()).all()
    assert who == [(AUTHOR.who, AUTHOR.request_id)]
    assert alpha.row("lab")


def test_an_origin_may_hold_what_names_hold(db: Database) -> None:
    origin = {"keystone": KEYSTONE + "x" * 900, "id": "tag:株式会社\u3000山田"}
    import_registry(db, {"customers": [{"name": "a", "origin": origin}]}, NOW)
    assert export_registry(db)["customers"][0]["origin"] == origin
