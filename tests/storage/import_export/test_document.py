"""Registry documents: what goes out comes in again, and what was set by hand stays."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from openstats.errors import RegistryError
from openstats.model import EVERYTHING, QuotaSum, Selection
from openstats.storage.import_export.exporter import export_registry
from openstats.storage.import_export.importer import import_registry
from openstats.storage.quota import sums
from openstats.storage.registry import tenants
from openstats.storage.schema import tables
from openstats.storage.store import Database, Store
from tests.registry import KEYSTONE, NOW, Site, created, site, uuids
from tests.undone import undone

A, B, C = (f"{i}0000000-0000-0000-0000-000000000000" for i in (1, 2, 3))
tenant = tables.tenant
FLAGS = {"customer": "name_by_hand", "project": "customer_by_hand", "project_group": "name_by_hand"}


def filled(db: Database) -> Site:
    alpha = site(db).project("shop", groups=["web"]).project("blog", groups=["web", "db"])
    return alpha.project("lab", customer="umbrella").discover()


def read(db: Database, document: Any) -> dict[str, int]:
    return import_registry(db, document, NOW).counts


def by_hand(db: Database) -> set[str]:
    """Give the names of objects that have any flag of what was set by hand."""
    return {
        name
        for table, flag in FLAGS.items()
        for name in db.scalars(
            select(tables.metadata.tables[table].c.name).where(
                tables.metadata.tables[table].c[flag]
            )
        )
    }


def test_export_holds_the_whole_registry(db: Database) -> None:
    filled(db)
    acme, umbrella = export_registry(db)["customers"]
    assert (acme["name"], umbrella["name"]) == ("acme", "umbrella")
    assert acme["uuid"] == uuids(db, "customer")["acme"]
    assert acme["origin"] == {"keystone": KEYSTONE, "id": "acme"}
    blog, shop = acme["projects"]
    assert (blog["name"], shop["name"], shop["created_at"]) == ("blog", "shop", NOW)
    assert shop["tenants"] == [{"cloud": "alpha", "tenant_id": "shop"}]
    held = {group["name"]: set(group["projects"]) for group in acme["project_groups"]}
    assert held == {"db": {blog["uuid"]}, "web": {blog["uuid"], shop["uuid"]}}
    assert umbrella["project_groups"] == []


def test_an_export_comes_in_again_and_changes_nothing(db: Database) -> None:
    filled(db)
    before = export_registry(db)
    assert read(db, before) == {"customers": 2, "projects": 3, "project_groups": 2, "tenants": 3}
    assert export_registry(db) == before
    assert by_hand(db) == set()


def test_an_export_meets_what_another_store_discovered(shared_store: Store) -> None:
    with undone(shared_store) as db:
        filled(db)
        document = export_registry(db)
    with undone(shared_store) as db:
        filled(db)
        assert export_registry(db) != document
        read(db, document)
        assert export_registry(db) == document
        filled(db)
        assert export_registry(db) == document


def test_an_export_comes_before_discovery(shared_store: Store) -> None:
    with undone(shared_store) as db:
        filled(db)
        document = export_registry(db)
    bare = {
        "customers": [
            entry | {"projects": [], "project_groups": []} for entry in document["customers"]
        ]
    }
    with undone(shared_store) as db:
        read(db, bare)
        filled(db)
        assert uuids(db, "customer") == {e["name"]: e["uuid"] for e in document["customers"]}


def test_a_tenant_that_was_unlinked_by_hand_stays_so(shared_store: Store) -> None:
    with undone(shared_store) as db:
        filled(db)
        (row,) = db.scalars(select(tenant.c.id).where(tenant.c.keystone_id == "lab"))
        tenants.link(db, {row: None}, NOW)
        exported = export_registry(db)
    assert exported["unlinked"] == [{"cloud": "alpha", "tenant_id": "lab"}]
    with undone(shared_store) as db:
        alpha = filled(db)
        read(db, exported)
        alpha.discover(NOW + 100)
        of_nobody = select(tenant.c.keystone_id).where(tenant.c.project_id.is_(None))
        assert list(db.scalars(of_nobody)) == ["lab"]
        assert export_registry(db)["unlinked"] == exported["unlinked"]


def test_an_object_without_a_name_is_exported_with_one(db: Database) -> None:
    filled(db)
    db.execute(update(tables.project).values(name="").where(tables.project.c.name == "lab"))
    (lab,) = export_registry(db)["customers"][1]["projects"]
    assert lab["name"] == lab["uuid"]
    read(db, export_registry(db))


def test_customers_made_by_hand(db: Database) -> None:
    filled(db)
    tenant = {"cloud": "alpha", "tenant_id": "lab"}
    project = {"uuid": B, "name": "theirs", "tenants": [tenant], "created_at": 5}
    group = {"uuid": C, "name": "all", "projects": [B]}
    read(
        db,
        {
            "customers": [
                {"uuid": A, "name": "new", "projects": [project], "project_groups": [group]}
            ]
        },
    )
    assert (uuids(db, "customer")["new"], uuids(db, "project")["theirs"]) == (A, B)
    assert (created(db, "customer")["new"], created(db, "project")["theirs"]) == (NOW, 5)
    filled(db).quota("lab", vcpu=(3, 1))
    for aggregate, uuid in (("customer", A), ("project", B), ("project_group", C)):
        figures, _ = sums.total(db, EVERYTHING, Selection(aggregate, (uuid,)))
        assert figures["vcpu"] == QuotaSum(3, 0, 1)


def test_a_group_is_emptied(db: Database) -> None:
    filled(db)
    acme, _ = export_registry(db)["customers"]
    for group in acme["project_groups"]:
        group["projects"] = []
    read(db, {"customers": [acme]})
    assert export_registry(db)["customers"][0] == acme


def test_entries_missing_in_a_document_stay(db: Database) -> None:
    filled(db)
    before = export_registry(db)
    read(db, {"customers": []})
    read(db, {})
    assert export_registry(db) == before


def test_a_new_name_stays_when_it_is_discovered_again(db: Database) -> None:
    filled(db)
    document = export_registry(db)
    document["customers"][0]["name"] = "Acme Ltd"
    read(db, document)
    filled(db)
    assert sorted(uuids(db, "customer")) == ["Acme Ltd", "umbrella"]
    assert by_hand(db) == {"Acme Ltd"}


def test_a_project_given_to_another_customer_leaves_its_groups_and_stays(db: Database) -> None:
    filled(db)
    acme, umbrella = export_registry(db)["customers"]
    shop = acme["projects"][1]
    read(db, {"customers": [umbrella | {"projects": [shop]}]})
    for _ in range(2):
        acme, umbrella = export_registry(db)["customers"]
        assert [project["name"] for project in umbrella["projects"]] == ["lab", "shop"]
        assert all(shop["uuid"] not in group["projects"] for group in acme["project_groups"])
        filled(db)


def test_imported_entry_is_no_longer_deleted(db: Database) -> None:
    filled(db)
    document = export_registry(db)
    db.execute(tables.customer.update().values(deleted_at=NOW))
    assert export_registry(db) == {"customers": []}
    read(db, document)
    assert export_registry(db) == document


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (
            {
                "customers": [
                    {"name": "a", "projects": [{"name": "p", "tenants": [{"cloud": "x"}]}]}
                ]
            },
            "no cloud 'x' is registered",
        ),
        (
            {
                "customers": [
                    {"name": "a", "projects": [{"name": "p", "tenants": [{"cloud": "alpha"}]}]}
                ]
            },
            "cloud alpha has no project",
        ),
        (
            {"customers": [{"name": "a", "project_groups": [{"name": "g", "projects": [A]}]}]},
            f"its customer has no project {A}",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_document_that_contradicts_the_store_is_refused(
    db: Database, document: Any, problem: str
) -> None:
    filled(db)
    with pytest.raises(RegistryError) as raised:
        read(db, document)
    assert problem in str(raised.value)


def test_two_objects_of_one_origin_are_refused(db: Database) -> None:
    filled(db)
    read(db, {"customers": [{"uuid": A, "name": "mine"}]})
    origin = {"keystone": KEYSTONE, "id": "acme"}
    with pytest.raises(RegistryError, match="same uuid or origin"):
        read(db, {"customers": [{"uuid": A, "name": "mine", "origin": origin}]})


texts = st.text(max_size=3) | st.sampled_from(["acme", "alpha", A, "\x00", "\ud800"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
keys = st.sampled_from(
    ["uuid", "name", "created_at", "origin", "projects", "project_groups", "tenants", "cloud"]
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=4)
)
entries = st.fixed_dictionaries(
    {"name": st.just("n")},
    optional={
        "projects": values,
        "project_groups": values,
        "origin": values,
        "created_at": values,
        "uuid": values,
    },
)


@given(st.fixed_dictionaries({"customers": st.lists(entries | values, max_size=2)}) | values)
def test_any_document_is_read_or_refused(shared_store: Store, document: Any) -> None:
    with undone(shared_store) as db:
        try:
            customers = read(db, document)["customers"]
        except RegistryError:
            return
        assert len(export_registry(db)["customers"]) <= customers
