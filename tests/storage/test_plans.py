"""How SQLite goes about the queries with 100,000 instances in the store: never through all."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from openstats.alerts import Notification
from openstats.model import EVERYTHING, Interval, Scope, Selection
from openstats.storage import coverage, jobs
from openstats.storage.alerts import caller_alerts, rule_alerts
from openstats.storage.alerts.caller_alerts import PostedAlert
from openstats.storage.alerts.closing import close_stale, delete_closed
from openstats.storage.alerts.counts import count, count_by_object
from openstats.storage.alerts.episodes import read_episodes
from openstats.storage.alerts.histories import Subject
from openstats.storage.alerts.rows import AlertRow, insert_alerts
from openstats.storage.counts import creation_time, customer
from openstats.storage.entries.alerts import ALERTS
from openstats.storage.entries.pagination import read_page
from openstats.storage.inventory import allocation, instances
from openstats.storage.quota import by_tenant, sums
from openstats.storage.registry import tenants
from openstats.storage.schema import alerts as alert_tables
from openstats.storage.schema import tables as schema
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database, Store
from openstats.storage.usage import members, readings
from tests.conftest import Sqlite
from tests.registry import KINDS, NOW, Site, server, site, uuids
from tests.undone import undone

INSTANCES = 100_000
TENANTS = 1000
CUSTOMERS = 500
"""SQLite takes a list for one of 25 values: of 50 customers it would rather read all."""

Query = Callable[[Database, Site], object]


@pytest.fixture(scope="module")
def crowded(sqlite: Sqlite) -> Iterator[Store]:
    with sqlite.store() as store:
        with store.transaction() as db:
            fill(site(db))
            site(db, "beta", region="two").project("p0").discover().servers("p0", 10)
            db.exec_driver_sql("ANALYZE")
        yield store


def fill(alpha: Site) -> None:
    for i in range(TENANTS):
        alpha.project(f"p{i}", customer=f"c{i % CUSTOMERS}", groups=[f"g{i % 10}"])
    alpha.discover(NOW - 100)
    # Some were another customer's, and some tenants of no project for a while.
    for i in range(0, TENANTS, 5):
        alpha.project(f"p{i}", customer=f"c{(i + 1) % CUSTOMERS}", groups=[f"g{i % 10}"])
    for i in range(1, TENANTS, 5):
        alpha.project(f"p{i}", customer=None)
    alpha.discover(NOW - 50)
    for i in range(1, TENANTS, 5):
        alpha.project(f"p{i}", customer=f"c{i % CUSTOMERS}", groups=[f"g{i % 10}"])
    alpha.discover().polled()
    page = [server(f"p{i}") for i in range(TENANTS)]
    instances.write(alpha.db, alpha.cloud, page, seen=NOW, now=NOW)
    table = schema.instance
    copied = [c if c.name != "uuid" else func.hex(func.randomblob(16)) for c in table.columns]
    while alpha.db.scalar(select(func.count()).select_from(table)) < INSTANCES:
        alpha.db.execute(insert(table).from_select(list(table.columns.keys()), select(*copied)))


def plan(db: Database, ask: Callable[[], object]) -> list[str]:
    """Give SQLite's plan of every statement that is executed while something is asked."""
    executed: list[str] = []
    driver: Any = db.connection.driver_connection
    driver.set_trace_callback(executed.append)
    try:
        ask()
    finally:
        driver.set_trace_callback(None)
    assert executed, "nothing was asked of the store"
    # Each once, as with many rows it is executed for each of them.
    steps = [db.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}") for sql in dict.fromkeys(executed)]
    return [row.detail for rows in steps for row in rows]


def scans(details: list[str], table: str) -> list[str]:
    return [detail for detail in details if detail.split()[:2] == ["SCAN", table]]


def test_a_query_that_does_go_through_all_is_seen(crowded: Store) -> None:
    with crowded.read() as db:
        found = plan(db, lambda: db.exec_driver_sql("SELECT sum(ram) FROM instance").all())
    assert scans(found, "instance")


@pytest.mark.parametrize("aggregate", ["customer", "project", "project_group"])
@pytest.mark.parametrize("filtered", [False, True], ids=["all", "one"])
@pytest.mark.parametrize("scoped", [False, True], ids=["everything", "scoped"])
@pytest.mark.parametrize("query", [sums.total, sums.by_object, sums.coverage])
def test_quota_asks_no_instances(
    crowded: Store, aggregate: str, filtered: bool, scoped: bool, query: Any
) -> None:
    with crowded.read() as db:
        wanted = tuple(uuids(db, aggregate).values())[:1] if filtered else ()
        scope = Scope(frozenset([uuids(db, "project")["p7"]])) if scoped else EVERYTHING
        found = plan(db, lambda: query(db, scope, Selection(aggregate, wanted)))
    assert not [detail for detail in found if "instance" in detail.split()]


@pytest.mark.parametrize("aggregate", ["customer", "project"])
def test_the_quota_of_one_object_reads_no_other_tenant(crowded: Store, aggregate: str) -> None:
    with crowded.read() as db:
        wanted = Selection(aggregate, tuple(uuids(db, aggregate).values())[:1])
        found = plan(db, lambda: sums.total(db, EVERYTHING, wanted))
    assert not scans(found, "tenant") + scans(found, "project") + scans(found, "quota")


@pytest.mark.parametrize("aggregate", ["customer", "project", "project_group"])
def test_creation_counts_use_the_index_of_dates(crowded: Store, aggregate: str) -> None:
    interval = Interval(NOW - 100, NOW, 6)
    with crowded.read() as db:
        found = plan(db, lambda: creation_time.counts(db, EVERYTHING, aggregate, interval))
    assert any(f"ix_{aggregate}_created_at" in detail for detail in found)
    assert not scans(found, aggregate) + scans(found, "instance")


def test_the_customers_of_a_scope_ask_no_other_instances(crowded: Store) -> None:
    with crowded.read() as db:
        mine = Scope(frozenset([uuids(db, "project")["p7"]]))
        found = plan(db, lambda: customer.listing(db, mine))
    assert any("instance" in detail.split() for detail in found)
    assert not scans(found, "instance")


def test_coverage_asks_no_instances(crowded: Store) -> None:
    with crowded.read() as db:
        found = plan(db, lambda: coverage.of_polls(db, EVERYTHING, "instances"))
    assert not scans(found, "instance")


@pytest.mark.parametrize("aggregate", ["customer", "project"])
def test_the_usage_of_one_object_reads_no_other_tenant(crowded: Store, aggregate: str) -> None:
    with crowded.read() as db:
        wanted = Selection(aggregate, tuple(uuids(db, aggregate).values())[:1])
        found = plan(db, lambda: members.read(db, EVERYTHING, wanted))
    assert any("tenant" in detail.split() for detail in found)
    tables = ("tenant", "project", "customer", "former_project", "former_customer")
    assert not [detail for table in tables for detail in scans(found, table)]


def test_readings_are_found_by_their_times(crowded: Store) -> None:
    with crowded.read() as db:
        found = plan(db, lambda: readings.around(db, [1, 2], "memory.allocated", [NOW, NOW + 5]))
        found += plan(db, lambda: readings.newest_by_cloud(db, ["memory.allocated", "cpu.used"]))
    assert any("reading" in detail.split() for detail in found)
    assert not scans(found, "reading")


COLLECTORS: dict[str, Query] = {
    "write": lambda db, s: instances.write(db, s.cloud, [server("p1")], seen=NOW, now=NOW),
    "remove": lambda db, s: instances.remove(db, s.cloud, ["x", "y"], now=NOW),
    "unseen": lambda db, s: instances.unseen(db, s.cloud, NOW),
    "quotas due": lambda db, s: by_tenant.due(db, s.cloud, NOW),
    "make due": lambda db, s: by_tenant.make_due(db, [s.row("p1")], NOW),
    "make cloud due": lambda db, s: by_tenant.make_cloud_due(db, s.cloud, NOW),
    "rows": lambda db, s: tenants.rows_of(db, s.cloud, ["p1"], NOW),
    "allocated": lambda db, s: allocation.between(db, s.cloud, 0, NOW),
    "running": lambda db, s: instances.running(db, s.cloud),
    "slots": lambda db, s: readings.slots(db, s.cloud, ["p1"], NOW),
    "lease": lambda db, s: jobs.lease(db, ["beta"], KINDS, now=NOW, until=NOW, limit=5),
}


@pytest.mark.parametrize("name", COLLECTORS)
def test_the_collector_reads_no_more_than_its_cloud(crowded: Store, name: str) -> None:
    with undone(crowded) as db:
        beta = site(db, "beta", region="two")
        found = plan(db, lambda: COLLECTORS[name](db, beta))
    tables = ("instance", "tenant", "quota")
    assert not [detail for table in tables for detail in scans(found, table)]


STORED_ALERTS = 100_000


@pytest.fixture(scope="module")
def alarmed(sqlite: Sqlite) -> Iterator[Store]:
    """Give a store with many alerts: most of a year ago, some for long, and few that are open."""
    with sqlite.store() as store:
        with store.transaction() as db:
            found = site(db)
            for number in range(50):
                found.project(f"p{number}", customer=f"c{number % 10}", groups=[f"g{number % 10}"])
            found.discover()
            _alarm(db)
            db.exec_driver_sql("ANALYZE")
        yield store


def _alarm(db: Database) -> None:
    lengths = (60, 7200, 2 * 86_400, 20 * 86_400, 90 * 86_400)
    projects = db.execute(select(schema.project.c.id, schema.project.c.customer_id)).all()
    rows = []
    for number in range(1000):
        project, customer = projects[number % len(projects)]
        created = NOW - 60 * number
        until = created + lengths[number % 5] if number % 100 else FOREVER
        notification = Notification(str(number), "", "t", "Error", "m", created)
        subject = Subject("project", customer, None, project)
        rows.append(AlertRow("am", notification, subject, created, until, NOW))
    insert_alerts(db, rows)
    alert = alert_tables.alert
    older = {"uuid": func.hex(func.randomblob(16)), "created_at": alert.c.created_at - 400 * 86_400}
    older["until"] = alert.c.until - 400 * 86_400
    copied = [older.get(column.key, column) for column in alert.columns if column.key != "id"]
    names = [column.key for column in alert.columns if column.key != "id"]
    # Those of the past are closed, and there are a hundred times as many.
    closed = alert.c.until < FOREVER
    first = select(*copied).where(closed, alert.c.id <= len(rows))
    while db.scalar(select(func.count()).select_from(alert)) < STORED_ALERTS:
        db.execute(insert(alert).from_select(names, first))
    member, held = schema.project_group_member.c, alert_tables.alert_group
    below = select(alert.c.id, member.project_group_id).where(
        member.project_id == alert.c.project_id, alert.c.id.not_in(select(held.c.alert_id))
    )
    db.execute(insert(held).from_select(["alert_id", "project_group_id"], below))


DEFAULT = (NOW - 86_400, NOW)


@pytest.mark.parametrize("aggregate", [None, "customer", "project", "project_group"])
@pytest.mark.parametrize("filtered", [False, True], ids=["all", "one"])
@pytest.mark.parametrize("scoped", [False, True], ids=["everything", "scoped"])
@pytest.mark.parametrize("query", [count, count_by_object])
def test_alerts_are_found_by_when_they_began(
    alarmed: Store, aggregate: str | None, filtered: bool, scoped: bool, query: Any
) -> None:
    with alarmed.read() as db:
        kind = aggregate or "customer"
        wanted = tuple(uuids(db, kind).values())[:1] if filtered else ()
        scope = Scope(frozenset([uuids(db, "project")["p7"]])) if scoped else EVERYTHING
        selection = Selection(kind, wanted) if aggregate or query is count_by_object else None
        found = plan(db, lambda: query(db, scope, selection, DEFAULT))
    mine = [
        detail for detail in found if detail.split()[:2] in (["SEARCH", "alert"], ["SCAN", "alert"])
    ]
    assert mine, found
    assert not scans(found, "alert")
    by_begin = [detail for detail in mine if "ix_alert_active (span=? AND created_at" in detail]
    assert by_begin == mine, found
    assert not scans(found, "alert_group")


def test_counting_alerts_reads_the_index_alone(alarmed: Store) -> None:
    with alarmed.read() as db:
        for selection in (None, Selection("customer"), Selection("project")):
            found = plan(db, lambda: count(db, EVERYTHING, selection, DEFAULT))  # noqa: B023
            mine = [detail for detail in found if detail.startswith("SEARCH alert ")]
            assert len(mine) == len(alert_tables.SPANS)
            assert all("USING COVERING INDEX ix_alert_active" in detail for detail in mine)


RECEIVING: dict[str, Callable[[Database], object]] = {
    "episodes": lambda db: read_episodes(
        db, "am", [Notification("5", "", "t", "Error", "", NOW)], now=NOW, reopen_within=900
    ),
    "close stale": lambda db: close_stale(db, NOW),
    "open alerts": lambda db: rule_alerts.open_alerts(db, 1, "quota."),
    "find": lambda db: caller_alerts.find(db, PostedAlert("Error", "t", "")),
    "delete closed": lambda db: delete_closed(db, 5),
    "newest": lambda db: read_page(db, ALERTS, EVERYTHING, limit=10),
}


@pytest.mark.parametrize("name", RECEIVING)
def test_writing_alerts_reads_few_rows(alarmed: Store, name: str) -> None:
    with undone(alarmed) as db:
        found = plan(db, lambda: RECEIVING[name](db))
    assert any(detail.split()[1] == "alert" for detail in found), found
    # The newest are read in the order of an index, as far as the page goes.
    assert all("ix_alert_created_at_id" in detail for detail in scans(found, "alert")), found
