"""What discovery made and its clouds have no more leaves lists and counts, and keeps its past."""

from typing import Any

import pytest
from sqlalchemy import select, update

from openstats.model import EVERYTHING, Interval, Selection
from openstats.storage import ownership
from openstats.storage.counts import creation_time, customer
from openstats.storage.entries.customers import CUSTOMERS, GROUPS, PROJECTS
from openstats.storage.entries.pagination import Listing, read_all
from openstats.storage.quota import sums
from openstats.storage.registry import customers, group_members, moves
from openstats.storage.registry.customers import ObjectChange
from openstats.storage.schema import tables
from openstats.storage.store import Database
from openstats.storage.usage import members, readings
from tests.registry import AGGREGATES, NOW, Site, change, site, uuids

LISTS: dict[str, Listing[Any]] = {
    "customer": CUSTOMERS,
    "project": PROJECTS,
    "project_group": GROUPS,
}


def shown(db: Database, aggregate: str) -> set[str]:
    """Give the names in the registry's list; those in each sum are the same."""
    names = {row.name for row in read_all(db, LISTS[aggregate], EVERYTHING)}
    assert {of.name for of, _ in sums.by_object(db, EVERYTHING, Selection(aggregate))} == names
    return names


def everything(db: Database) -> list[set[str]]:
    assert {of.customer.name for of in customer.listing(db, EVERYTHING)} == shown(db, "customer")
    return [shown(db, aggregate) for aggregate in ("customer", "project_group", "project")]


def used(db: Database, aggregate: str, **asked: Any) -> set[str]:
    return {of.name for of in members.read(db, EVERYTHING, Selection(aggregate, **asked)).objects}


def two(db: Database) -> Site:
    alpha = site(db).project("shop", groups=["web"])
    return alpha.project("lab", customer="umbrella", groups=["db"]).discover()


def gone(alpha: Site, key: str, at: int = NOW) -> Site:
    return alpha.without(key).discover(at + 60).discover(at + 120)


def test_a_project_goes_with_its_last_tenant_and_takes_its_group_and_customer_along(
    db: Database,
) -> None:
    alpha = two(db)
    alpha.without("lab").discover(NOW + 60)
    assert everything(db) == [{"acme", "umbrella"}, {"web", "db"}, {"shop", "lab"}]
    alpha.discover(NOW + 120)
    assert everything(db) == [{"acme"}, {"web"}, {"shop"}]


def test_a_project_with_a_tenant_in_another_region_stays(db: Database) -> None:
    alpha = two(db)
    site(db, "west", region="west").project("lab", customer="umbrella").discover()
    gone(alpha, "lab")
    assert shown(db, "project") == {"shop", "lab"}


def test_returning_objects_keep_their_past(db: Database) -> None:
    alpha = two(db)
    before = {aggregate: uuids(db, aggregate) for aggregate in AGGREGATES}
    gone(alpha, "lab")
    alpha.project("lab", customer="umbrella", groups=["db"]).discover(NOW + 180)
    assert everything(db) == [{"acme", "umbrella"}, {"web", "db"}, {"shop", "lab"}]
    assert {aggregate: uuids(db, aggregate) for aggregate in AGGREGATES} == before


def test_tags_and_customers_that_nothing_has_any_more_go_with_the_second_sweep(
    db: Database,
) -> None:
    alpha = two(db)
    alpha.project("shop", customer="new", groups=["other"]).discover(NOW + 60)
    assert everything(db)[:2] == [{"acme", "umbrella", "new"}, {"web", "db", "other"}]
    alpha.discover(NOW + 120)
    assert everything(db)[:2] == [{"umbrella", "new"}, {"db", "other"}]


def test_creation_is_never_uncounted(db: Database) -> None:
    alpha = two(db)
    span = Interval(NOW, NOW + 1, 1)
    before = {name: creation_time.counts(db, EVERYTHING, name, span) for name in AGGREGATES}
    gone(alpha, "lab")
    assert {name: creation_time.counts(db, EVERYTHING, name, span) for name in AGGREGATES} == before


def test_usage_has_what_vanished_for_the_time_when_it_was_there(db: Database) -> None:
    gone(two(db), "lab")
    for aggregate, name in (("customer", "umbrella"), ("project", "lab"), ("project_group", "db")):
        assert name in used(db, aggregate, since=NOW)
        assert name not in used(db, aggregate, since=NOW + 120)
        assert name in used(db, aggregate, since=NOW + 120, deleted=True)
        uuid = uuids(db, aggregate)[name]
        assert used(db, aggregate, uuids=(uuid,), since=NOW + 120) == {name}


def test_objects_deleted_by_hand_are_shown_on_request(db: Database) -> None:
    alpha = two(db)
    moves.move(db, ownership.TENANTS, {alpha.row("lab"): None}, NOW + 60)
    readings.slots(db, alpha.cloud, ["lab"], NOW)
    uuid = uuids(db, "project")["lab"]
    customers.delete(db, "project", uuid, NOW + 70)
    for aggregate, name in (("project", "lab"), ("project_group", "db")):
        found = members.read(db, EVERYTHING, Selection(aggregate, since=0, deleted=True))
        owner = [of.name for of in found.objects].index(name)
        assert found.until[found.owners == owner].tolist() == [NOW + 60]
    assert "lab" not in used(db, "project", since=0)
    assert used(db, "project", since=0, uuids=(uuid,)) == {"lab"}


def test_objects_deleted_by_hand_do_not_return(db: Database) -> None:
    alpha = two(db)
    moves.move(db, ownership.TENANTS, {alpha.row("lab"): None}, NOW + 60)
    customers.delete(db, "project", uuids(db, "project")["lab"], NOW + 70)
    alpha.discover(NOW + 80)
    assert shown(db, "project") == {"shop"}


@pytest.mark.parametrize(
    ("table", "name", "kept"),
    [("project", "lab", {"project": "lab"}), ("customer", "umbrella", {"customer": "umbrella"})],
)
def test_objects_named_by_hand_stay(
    db: Database, table: str, name: str, kept: dict[str, str]
) -> None:
    alpha = two(db)
    change(db, table, name, name_by_hand=True)
    gone(alpha, "lab")
    for aggregate, named in kept.items():
        assert named in shown(db, aggregate)


def test_objects_made_by_hand_stay(db: Database) -> None:
    alpha = two(db)
    umbrella = uuids(db, "customer")["umbrella"]
    uuid = f"1{umbrella[1:]}"
    customers.write(db, "project_group", uuid, ObjectChange("mine", customer=umbrella), NOW)
    gone(alpha, "lab").discover(NOW + 180)
    assert everything(db) == [{"acme", "umbrella"}, {"web", "mine"}, {"shop"}]


def test_a_tag_of_a_project_that_was_taken_out_by_hand_stays(db: Database) -> None:
    alpha = two(db)
    group = db.scalar(select(tables.project_group.c.id).where(tables.project_group.c.name == "db"))
    assert group
    group_members.fill(db, group, ())
    alpha.discover(NOW + 60).discover(NOW + 120).discover(NOW + 180)
    assert shown(db, "project_group") == {"web", "db"}


def test_another_keystones_objects_are_not_its_business(db: Database) -> None:
    two(db)
    beta = site(db, "beta", auth_url="https://two.example:5000").project("x", customer="y")
    db.execute(update(tables.tenant).values(deleted_at=NOW, missed=2))
    beta.discover(NOW + 60).discover(NOW + 120)
    assert shown(db, "project") == {"shop", "lab", "x"}


def test_filling_a_group_leaves_what_vanished_in_it(db: Database) -> None:
    alpha = two(db).project("blog", groups=["web"]).discover(NOW + 10)
    gone(alpha, "blog")
    web = tables.project_group
    row = db.scalar(select(web.c.id).where(web.c.name == "web"))
    assert row
    group_members.fill(db, row, [uuids(db, "project")["shop"]])
    alpha.project("blog", groups=["web"]).discover(NOW + 200)
    (group,) = read_all(db, GROUPS, EVERYTHING, {"name": "web"})
    assert len(group.projects) == 2
