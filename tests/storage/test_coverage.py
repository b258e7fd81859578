"""Coverage: of which clouds and tenants a kind of poll has brought figures."""

from sqlalchemy import Connection

from openstats.model import EVERYTHING, Coverage, Scope
from openstats.storage import coverage
from tests.registry import NOW, site, uuids


def seeing(db: Connection, *projects: str) -> Scope:
    found = uuids(db, "project")
    return Scope(frozenset(found[name] for name in projects))


def test_coverage_is_of_clouds_whose_instances_were_read(db: Connection) -> None:
    assert coverage.of_polls(db, EVERYTHING, "instances") == Coverage()
    one = site(db, "a", region="one").project("p1").project("p2").discover()
    one.polled("instances", at=NOW - 30)
    two = site(db, "b", region="two").project("p1").project("admin", customer=None).discover()
    two.polled("discovery", "quotas")
    site(db, "c", region="three")
    assert coverage.of_polls(db, EVERYTHING, "instances") == Coverage(3, 2, 3, 1, NOW - 30)


def test_coverage_is_of_what_is_visible(db: Connection) -> None:
    one = site(db, "a", region="one").project("p1").project("p2").discover()
    one.polled(at=NOW - 30)
    site(db, "b", region="two").project("p2").discover()
    assert coverage.of_polls(db, seeing(db, "p1"), "instances") == Coverage(1, 1, 1, 1, NOW - 30)
    assert coverage.of_polls(db, seeing(db, "p2"), "instances") == Coverage(2, 1, 2, 1, NOW - 30)
    assert coverage.of_polls(db, Scope(frozenset()), "instances") == Coverage()
