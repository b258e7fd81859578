"""Registry documents of any size: few statements, and the order of entries does not matter."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, select

from openstats.errors import RegistryError
from openstats.model import EVERYTHING, Selection
from openstats.storage.import_export.exporter import export_registry
from openstats.storage.import_export.importer import import_registry
from openstats.storage.schema import tables
from openstats.storage.store import Database
from openstats.storage.usage import members
from tests.registry import KEYSTONE, NOW, site, uuids

LATER = NOW + 60


def discovered(db: Database, number: int, prefix: str) -> dict[str, Any]:
    """Have so many tenants found that nobody owns, and return a document that gives them away."""
    cloud = site(db)
    for i in range(number):
        cloud.project(f"{prefix}{i}", customer=None)
    cloud.discover()
    projects = [
        {"name": f"{prefix}{i}", "tenants": [{"cloud": "alpha", "tenant_id": f"{prefix}{i}"}]}
        for i in range(number)
    ]
    return {
        "customers": [
            {"name": f"{prefix} {i}", "projects": [project], "project_groups": [{"name": "web"}]}
            for i, project in enumerate(projects)
        ]
    }


def statements(db: Database, work: Callable[[], object]) -> int:
    """Return how many statements some work takes."""
    seen: list[str] = []

    def note(_db: Any, _cursor: Any, text: str, *_: Any) -> None:
        seen.append(text)

    event.listen(db, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(db, "before_cursor_execute", note)
    return len(seen)


def test_more_projects_take_no_more_statements(db: Database) -> None:
    few, many = discovered(db, 2, "few"), discovered(db, 40, "many")
    taken = [
        statements(db, lambda given=given: import_registry(db, given, LATER))
        for given in (few, many)
    ]
    assert taken[0] == taken[1]
    exported = export_registry(db)
    assert statements(db, lambda: import_registry(db, exported, LATER)) <= taken[0]


def owners(db: Database) -> dict[str, str]:
    """Return the customers of projects, by name."""
    customer, project = tables.customer, tables.project
    columns = project.c.name, customer.c.name
    joined = project.join(customer, customer.c.id == project.c.customer_id)
    return dict(db.execute(select(*columns).select_from(joined)).all())


def test_of_what_a_document_names_twice_the_last_holds(db: Database) -> None:
    site(db).project("shop").project("lab", customer="umbrella").discover()
    acme, umbrella = export_registry(db)["customers"]
    twice = umbrella | {"projects": [*umbrella["projects"], *acme["projects"]]}
    new = {"uuid": "1" * 32, "name": "first"}
    given = [acme, twice, new, new | {"name": "second"}]
    import_registry(db, {"customers": given}, LATER)
    assert owners(db) == {"shop": "umbrella", "lab": "umbrella"}
    assert set(uuids(db, "customer")) == {"acme", "umbrella", "second"}


def test_projects_that_change_their_customers_keep_their_past(db: Database) -> None:
    site(db).project("shop").project("lab", customer="umbrella").discover()
    acme, umbrella = export_registry(db)["customers"]
    acme["projects"], umbrella["projects"] = umbrella["projects"], acme["projects"]
    import_registry(db, {"customers": [acme, umbrella]}, LATER)
    assert owners(db) == {"shop": "umbrella", "lab": "acme"}
    found = members.read(db, EVERYTHING, Selection("customer"))
    names = [found.objects[owner].name for owner in found.owners.tolist()]
    ends = zip(names, found.since.tolist(), strict=True)
    assert sorted(ends) == [("acme", 0), ("acme", LATER), ("umbrella", 0), ("umbrella", LATER)]


ORIGINS = [{"keystone": KEYSTONE, "id": name} for name in ("acme", "umbrella")]


@pytest.mark.parametrize("new", [False, True])
def test_an_origin_that_another_one_has_is_refused(db: Database, new: bool) -> None:
    site(db).project("shop").project("lab", customer="umbrella").discover()
    known = uuids(db, "customer")
    given = {"uuid": known["acme"], "name": "acme", "origin": ORIGINS[1]}
    before = [] if not new else [{"name": "umbrella", "uuid": "2" * 32, "origin": ORIGINS[1]}]
    with pytest.raises(RegistryError, match=r"same uuid or origin \(customer 'acme'\)"):
        import_registry(db, {"customers": [*before, given]}, LATER)


def test_an_origin_that_was_given_up_may_be_anothers(db: Database) -> None:
    site(db).project("shop").discover()
    known = uuids(db, "customer")["acme"]
    given = [
        {"uuid": known, "name": "acme", "origin": ORIGINS[1]},
        {"uuid": "2" * 32, "name": "new", "origin": ORIGINS[0]},
    ]
    import_registry(db, {"customers": given}, LATER)
    found = {row["name"]: row["origin"] for row in export_registry(db)["customers"]}
    assert found == {"acme": ORIGINS[1], "new": ORIGINS[0]}


def test_a_group_holds_no_project_that_the_document_gives_to_another(db: Database) -> None:
    site(db).project("shop", groups=["web"]).project("lab", customer="umbrella").discover()
    acme, umbrella = export_registry(db)["customers"]
    umbrella["projects"] += acme.pop("projects")
    shop = uuids(db, "project")["shop"]
    with pytest.raises(RegistryError, match=f"its customer has no project {shop}"):
        import_registry(db, {"customers": [acme, umbrella]}, LATER)
