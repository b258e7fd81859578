"""Discovery: known again by origin, dated or not, by hand or not."""

from sqlalchemy import select, update

from openstats.storage.schema import tables
from openstats.storage.store import Database
from tests.registry import NOW, Site, change, created, site, uuids

OTHER = "https://other.example/v3"
customer, project, group = tables.customer, tables.project, tables.project_group
member, tenant = tables.project_group_member, tables.tenant


def owners(db: Database) -> dict[str, str]:
    """Give the customer of each project."""
    joined = select(project.c.name, customer.c.name).join(
        customer, customer.c.id == project.c.customer_id
    )
    return {row[0]: row[1] for row in db.execute(joined)}


def groups(db: Database) -> set[tuple[str, str, str]]:
    """Give (customer, group, project) of each membership."""
    joined = (
        select(customer.c.name, group.c.name, project.c.name)
        .select_from(member)
        .join(group, group.c.id == member.c.project_group_id)
        .join(customer, customer.c.id == group.c.customer_id)
        .join(project, project.c.id == member.c.project_id)
    )
    return {(row[0], row[1], row[2]) for row in db.execute(joined)}


def links(db: Database, of: Site) -> dict[str, str | None]:
    """Give the project of each tenant of a cloud."""
    joined = select(tenant.c.keystone_id, project.c.name).outerjoin(
        project, project.c.id == tenant.c.project_id
    )
    found = db.execute(joined.where(tenant.c.cloud_id == of.cloud.id))
    return {row[0]: row[1] for row in found}


def test_first_discovery_gives_no_dates(db: Database) -> None:
    site(db).project("p1", groups=["web"]).discover(first=True)
    for aggregate in ("customer", "project", "project_group"):
        assert list(created(db, aggregate).values()) == [None]


def test_later_discovery_dates_by_its_time(db: Database) -> None:
    alpha = site(db).project("p1").discover(first=True)
    alpha.project("p2").project("p3", customer="new", groups=["web"]).discover(NOW + 60)
    assert created(db, "project") == {"p1": None, "p2": NOW + 60, "p3": NOW + 60}
    assert created(db, "customer") == {"acme": None, "new": NOW + 60}
    assert created(db, "project_group") == {"web": NOW + 60}


def test_a_sweep_that_finds_the_same_changes_no_date(db: Database) -> None:
    alpha = site(db).project("p1").discover(NOW)
    alpha.discover(NOW + 60).discover(NOW + 120)
    assert created(db, "project") == {"p1": NOW}


def test_renaming_keeps_the_object(db: Database) -> None:
    alpha = site(db).project("p1", customer="acme", customer_key="d1").discover()
    before = uuids(db, "customer")["acme"], uuids(db, "project")["p1"]
    alpha.project("p1", name="shop", customer="Acme Ltd", customer_key="d1").discover(NOW + 60)
    assert uuids(db, "customer") == {"Acme Ltd": before[0]}
    assert uuids(db, "project") == {"shop": before[1]}
    assert created(db, "project") == {"shop": NOW}


def test_a_project_moves_with_its_keystone(db: Database) -> None:
    alpha = site(db).project("p1").project("p2", customer="other").discover()
    alpha.project("p1", customer="other").discover()
    assert owners(db) == {"p1": "other", "p2": "other"}


def test_names_set_by_hand_stay(db: Database) -> None:
    alpha = site(db).project("p1", groups=["web"]).discover()
    for table, old in (("customer", "acme"), ("project", "p1"), ("project_group", "web")):
        change(db, table, old, name=f"my {old}", name_by_hand=True)
    alpha.project("p1", name="renamed", groups=["web"]).discover()
    for table, name in (("customer", "my acme"), ("project", "my p1"), ("project_group", "my web")):
        assert list(uuids(db, table)) == [name]


def test_a_customer_set_by_hand_stays(db: Database) -> None:
    alpha = site(db).project("p1").project("p2", customer="mine").discover()
    mine = select(customer.c.id).where(customer.c.name == "mine").scalar_subquery()
    change(db, "project", "p1", customer_id=mine, customer_by_hand=True)
    alpha.discover()
    assert owners(db) == {"p1": "mine", "p2": "mine"}


def test_a_group_holds_projects_of_its_own_customer_only(db: Database) -> None:
    alpha = site(db).project("p1").project("p2", customer="mine").discover()
    mine = select(customer.c.id).where(customer.c.name == "mine").scalar_subquery()
    change(db, "project", "p1", customer_id=mine, customer_by_hand=True)
    alpha.project("p1", groups=["web"]).discover()
    assert groups(db) <= {("mine", "web", "p1")}


def test_a_link_set_by_hand_stays(db: Database) -> None:
    alpha = site(db).project("p1").project("p2").discover()
    other = select(project.c.id).where(project.c.name == "p2").scalar_subquery()
    change(db, "tenant", "p1", project_id=other, project_by_hand=True)
    alpha.discover()
    assert links(db, alpha) == {"p1": "p2", "p2": "p2"}


def test_projects_that_belong_to_no_customer_are_tenants_without_a_project(db: Database) -> None:
    alpha = site(db).project("p1").project("service", customer=None).discover()
    assert links(db, alpha) == {"p1": "p1", "service": None}
    assert list(uuids(db, "project")) == ["p1"]


def test_a_project_that_is_excluded_later_is_unlinked(db: Database) -> None:
    alpha = site(db).project("p1").discover()
    alpha.project("p1", customer=None).discover()
    assert links(db, alpha) == {"p1": None}


def test_tags_make_groups_of_the_customer(db: Database) -> None:
    site(db).project("p1", groups=["web", "db"]).project("p2", groups=["web"]).project(
        "p3", customer="other", groups=["web"]
    ).discover()
    assert groups(db) == {
        ("acme", "web", "p1"),
        ("acme", "db", "p1"),
        ("acme", "web", "p2"),
        ("other", "web", "p3"),
    }


def test_a_tag_that_is_gone_takes_the_project_out(db: Database) -> None:
    alpha = site(db).project("p1", groups=["web", "db"]).discover()
    alpha.project("p1", groups=["db"]).discover()
    assert groups(db) == {("acme", "db", "p1")}
    alpha.project("p1").discover()
    assert groups(db) == set()


def test_memberships_set_by_hand_stay(db: Database) -> None:
    alpha = site(db).project("p1", groups=["web"]).discover()
    db.execute(update(member).values(by_hand=True))
    alpha.project("p1").discover()
    assert groups(db) == {("acme", "web", "p1")}


def test_a_project_that_changes_its_customer_leaves_the_former_groups(db: Database) -> None:
    alpha = site(db).project("p1", groups=["web"]).discover()
    alpha.project("p1", customer="other", groups=["web"]).discover()
    assert groups(db) == {("other", "web", "p1")}


def test_customers_of_one_name_in_two_keystones_are_two(db: Database) -> None:
    site(db, "a").project("p1").discover()
    site(db, "b", auth_url=OTHER).project("p1").discover()
    assert len(db.execute(select(customer).where(customer.c.name == "acme")).all()) == 2
    assert len(db.execute(select(project).where(project.c.name == "p1")).all()) == 2


def test_two_customers_of_one_name_in_one_keystone_are_two(db: Database) -> None:
    site(db).project("p1", customer_key="d1").project("p2", customer_key="d2").discover()
    assert len(db.execute(select(customer).where(customer.c.name == "acme")).all()) == 2


def test_regions_of_one_keystone_share_projects(db: Database) -> None:
    one = site(db, "a:one", region="one").project("p1").project("p2").discover()
    two = site(db, "a:two", region="two").project("p1").project("p2").discover()
    assert set(uuids(db, "project")) == {"p1", "p2"}
    assert links(db, one) == links(db, two) == {"p1": "p1", "p2": "p2"}
    assert len(db.execute(select(tenant)).all()) == 4


def test_the_second_region_of_a_keystone_brings_no_new_date(db: Database) -> None:
    site(db, "a:one", region="one").project("p1").discover(NOW)
    site(db, "a:two", region="two").project("p1").discover(NOW + 60, first=True)
    assert created(db, "project") == {"p1": NOW}


def test_the_sweep_of_one_cloud_leaves_the_other_alone(db: Database) -> None:
    a = site(db, "a").project("p1", groups=["web"]).discover()
    site(db, "b", auth_url=OTHER).project("p2").discover()
    assert links(db, a) == {"p1": "p1"}
    assert groups(db) == {("acme", "web", "p1")}


def test_an_empty_sweep_is_no_error(db: Database) -> None:
    alpha = site(db).discover()
    assert links(db, alpha) == {}
