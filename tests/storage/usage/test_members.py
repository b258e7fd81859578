"""Which slots make up what: now, before moves, and for a caller who sees but a part."""

from openstats.model import EVERYTHING, Scope, Selection
from openstats.storage.import_export import importer
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database
from openstats.storage.usage import members, readings
from tests.registry import NOW, Site, site, uuids

Stays = list[tuple[str, int, int, int]]


def seen(of: Site, *keys: str) -> Site:
    readings.slots(of.db, of.cloud, keys, NOW)
    return of


def stays(
    db: Database, aggregate: str, *names: str, scope: Scope = EVERYTHING, **page: int | str
) -> Stays:
    """Give (object, slot, since, until) of each stay, in order."""
    known = uuids(db, aggregate)
    selection = Selection(aggregate, tuple(known[name] for name in names))
    found = members.read(db, scope, selection, **page)  # type: ignore[arg-type]
    columns = (found.owners, found.slots, found.since, found.until)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return sorted((found.objects[owner].name, *rest) for owner, *rest in rows)


def listed(db: Database, aggregate: str, **page: int | str) -> list[str]:
    found = members.read(db, EVERYTHING, Selection(aggregate), **page)  # type: ignore[arg-type]
    return [of.name for of in found.objects]


def test_every_aggregate(db: Database) -> None:
    alpha = site(db).project("p1", groups=["web"]).project("p2", groups=["web", "db"])
    seen(alpha.project("p3", customer="other").discover(), "p1", "p2", "p3")
    always = (0, FOREVER)
    assert stays(db, "customer") == [
        ("acme", 1, *always), ("acme", 2, *always), ("other", 3, *always),
    ]  # fmt: skip
    assert stays(db, "project", "p2") == [("p2", 2, *always)]
    assert stays(db, "project_group") == [
        ("db", 2, *always), ("web", 1, *always), ("web", 2, *always),
    ]  # fmt: skip


def test_objects_without_anything_are_listed(db: Database) -> None:
    site(db).project("p1").discover()
    assert listed(db, "project") == ["p1"]
    # Its tenant was in no reading yet, and has the slot in which nothing is used.
    assert stays(db, "project") == [("p1", 0, 0, FOREVER)]


def test_a_tenant_of_no_project_is_shown_to_nobody_until_it_is_linked(db: Database) -> None:
    alpha = seen(site(db).project("p1", customer=None).discover(), "p1")
    assert stays(db, "customer") == stays(db, "project") == []
    alpha.project("p1").discover(NOW + 60)
    # Its past comes along: nobody else ever had it.
    assert stays(db, "project") == [("p1", 1, 0, FOREVER)]


def test_a_project_that_another_customer_has_now(db: Database) -> None:
    alpha = seen(site(db).project("p1").discover(), "p1")
    alpha.project("p1", customer="new").discover(NOW + 60)
    alpha.project("p1", customer="newer").discover(NOW + 90)
    assert stays(db, "customer") == [
        ("acme", 1, 0, NOW + 60),
        ("new", 1, NOW + 60, NOW + 90),
        ("newer", 1, NOW + 90, FOREVER),
    ]
    assert stays(db, "project") == [("p1", 1, 0, FOREVER)]
    assert stays(db, "customer", "new") == [("new", 1, NOW + 60, NOW + 90)]


def test_discovery_that_finds_the_same_moves_nothing(db: Database) -> None:
    alpha = seen(site(db).project("p1").discover(), "p1")
    alpha.discover(NOW + 60).discover(NOW + 90)
    assert stays(db, "customer") == [("acme", 1, 0, FOREVER)]


def test_moves_within_a_second_leave_nothing_between(db: Database) -> None:
    alpha = seen(site(db).project("p1").discover(), "p1")
    for customer in ("new", "newer", "acme"):
        alpha.project("p1", customer=customer).discover(NOW + 60)
    assert stays(db, "customer") == [("acme", 1, 0, NOW + 60), ("acme", 1, NOW + 60, FOREVER)]


def linked(db: Database, project: str, tenant: str, now: int) -> None:
    """Link a tenant of the cloud alpha to a project by hand."""
    entry = {"uuid": uuids(db, "project")[project], "name": project}
    entry["tenants"] = [{"cloud": "alpha", "tenant_id": tenant}]
    owner = {"uuid": uuids(db, "customer")["acme"], "name": "acme", "projects": [entry]}
    importer.import_registry(db, {"customers": [owner]}, now)


def test_a_tenant_that_is_linked_to_another_project(db: Database) -> None:
    alpha = seen(site(db).project("p1").project("p2").discover(), "p1", "p2")
    linked(db, "p2", "p1", NOW + 60)
    assert stays(db, "project") == [
        ("p1", 1, 0, NOW + 60),
        ("p2", 1, NOW + 60, FOREVER),
        ("p2", 2, 0, FOREVER),
    ]
    # Both moved: the tenant with its project, and the project with its customer.
    alpha.project("p2", customer="new").discover(NOW + 90)
    assert stays(db, "customer", "new") == [
        ("new", 1, NOW + 90, FOREVER),
        ("new", 2, NOW + 90, FOREVER),
    ]
    assert stays(db, "customer", "acme") == [
        ("acme", 1, 0, NOW + 60), ("acme", 1, NOW + 60, NOW + 90), ("acme", 2, 0, NOW + 90),
    ]  # fmt: skip


def test_time_without_a_project_stays_nobodys(db: Database) -> None:
    alpha = seen(site(db).project("p1").discover(), "p1")
    alpha.project("p1", customer=None).discover(NOW + 60)
    alpha.project("p1").discover(NOW + 90)
    assert stays(db, "project") == [("p1", 1, 0, NOW + 60), ("p1", 1, NOW + 90, FOREVER)]


def test_a_scope_covers_its_projects_only(db: Database) -> None:
    alpha = site(db).project("p1", groups=["web"]).project("p2", groups=["web"])
    seen(alpha.project("p3", customer="other").discover(), "p1", "p2", "p3")
    mine = Scope(frozenset([uuids(db, "project")["p2"]]))
    for aggregate, name in (("customer", "acme"), ("project", "p2"), ("project_group", "web")):
        assert stays(db, aggregate, scope=mine) == [(name, 2, 0, FOREVER)]
    assert stays(db, "customer", "other", scope=mine) == []


def test_pages(db: Database) -> None:
    alpha = site(db)
    for i in range(5):
        alpha.project(f"p{i}", customer=f"c{i}")
    seen(alpha.discover(), *(f"p{i}" for i in range(5)))
    assert listed(db, "customer", limit=2) == ["c0", "c1"]
    marker = uuids(db, "customer")["c1"]
    assert listed(db, "customer", limit=2, marker=marker) == ["c2", "c3"]
    assert [stay[0] for stay in stays(db, "customer", limit=2, marker=marker)] == ["c2", "c3"]
    assert listed(db, "customer", marker=uuids(db, "customer")["c4"]) == []
