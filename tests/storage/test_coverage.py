"""Coverage: of which clouds and tenants a kind of poll has brought figures."""

from openstats.model import EVERYTHING, Coverage, Scope, Selection
from openstats.storage import coverage
from openstats.storage.quota import sums
from openstats.storage.store import Database
from tests.registry import NOW, site, uuids


def seeing(db: Database, *projects: str) -> Scope:
    found = uuids(db, "project")
    return Scope(frozenset(found[name] for name in projects))


def test_coverage_is_of_clouds_whose_instances_were_read(db: Database) -> None:
    assert coverage.of_polls(db, EVERYTHING, "instances") == Coverage()
    one = site(db, "a", region="one").project("p1").project("p2").discover()
    one.polled("instances", at=NOW - 30)
    two = site(db, "b", region="two").project("p1").project("admin", customer=None).discover()
    two.polled("discovery", "quotas")
    site(db, "c", region="three")
    assert coverage.of_polls(db, EVERYTHING, "instances") == Coverage(3, 2, 3, 1, NOW - 30)


def test_coverage_is_of_what_is_visible(db: Database) -> None:
    one = site(db, "a", region="one").project("p1").project("p2").discover()
    one.polled(at=NOW - 30)
    site(db, "b", region="two").project("p2").discover()
    assert coverage.of_polls(db, seeing(db, "p1"), "instances") == Coverage(1, 1, 1, 1, NOW - 30)
    assert coverage.of_polls(db, seeing(db, "p2"), "instances") == Coverage(2, 1, 2, 1, NOW - 30)
    assert coverage.of_polls(db, Scope(frozenset()), "instances") == Coverage()


def test_a_cloud_that_was_never_reached_is_not_known(db: Database) -> None:
    """Polls that need no call succeed without one."""
    site(db, "a", region="one").project("p1").discover().quota("p1").polled(at=NOW - 30)
    dark = site(db, "b", region="two").polled("quotas", "usage", "volumes", "providers")
    for kind in ("quotas", "instances", "discovery"):
        assert coverage.of_polls(db, EVERYTHING, kind) == Coverage(1, 1, 2, 1, NOW - 30)
    assert sums.total(db, EVERYTHING, Selection())[1] == Coverage(1, 1, 2, 1, NOW)
    assert coverage.listed_clouds(db, EVERYTHING)[dark.cloud.id] is False
    dark.polled("discovery")
    assert sums.total(db, EVERYTHING, Selection())[1].complete


def test_the_admin_of_a_cloud_that_was_never_reached_is_told_so(db: Database) -> None:
    uuid = site(db).polled("quotas").cloud.uuid
    mine = Scope(frozenset(), clouds=frozenset([uuid]))
    assert sums.total(db, mine, Selection())[1] == Coverage(0, 0, 1, 0)
    assert coverage.of_polls(db, mine, "quotas") == Coverage(0, 0, 1, 0)


def test_every_statistic_counts_the_same_tenants(db: Database) -> None:
    """Not those that are gone, of no project, or disabled and empty."""
    alpha = site(db).project("p1").project("gone").project("nobodys", customer=None)
    alpha.project("off", enabled=False).discover()
    alpha.without("gone").discover().discover().polled()
    for key in ("p1", "off"):
        alpha.quota(key)
    for kind in ("quotas", "instances", "discovery"):
        assert coverage.of_polls(db, EVERYTHING, kind).tenants == 1
    assert sums.total(db, EVERYTHING, Selection())[1].tenants == 1
