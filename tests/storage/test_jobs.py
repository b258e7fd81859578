"""Jobs: due order, leases that exclude one another, and outcomes."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from threading import Barrier
from typing import Any

import pytest

from openstats.errors import LeaseLostError
from openstats.model import Cloud, Lease
from openstats.storage import jobs
from openstats.storage.inventory import capacity
from openstats.storage.registry import clouds, keystones
from openstats.storage.store import Database, Store
from tests.registry import CAPACITY, KEYSTONE, NOW, site

KINDS = ("capacity", "quotas")
MOVED = "https://elsewhere.example"


def register(db: Database, name: str = "alpha", kinds: Iterable[str] = KINDS) -> Cloud:
    found = clouds.write_cloud(db, Cloud(name, KEYSTONE, name, KEYSTONE), [])
    jobs.ensure(db, found.id, kinds, NOW)
    return found


def lease(db: Database, **other: Any) -> list[Lease]:
    asked: dict[str, Any] = {"now": NOW, "until": NOW + 60, "limit": 10}
    return jobs.lease(db, ["alpha", "beta"], KINDS, **asked | other)


def kinds(leases: Iterable[Lease]) -> list[str]:
    return [taken.kind for taken in leases]


def succeed(db: Database, taken: Lease, *, next_at: float = NOW + 300, **other: Any) -> None:
    usual: dict[str, Any] = {"now": NOW, "seconds": 1.5, "cursor": {}}
    jobs.succeed(db, taken, next_at=next_at, **usual | other)


def outcome(db: Database, kind: str) -> jobs.JobOutcome:
    return next(row for row in jobs.outcomes(db) if row.kind == kind)


def test_new_jobs_are_due_at_once(db: Database) -> None:
    cloud = register(db)
    found = lease(db)
    assert sorted(kinds(found)) == ["capacity", "quotas"]
    assert {taken.cloud for taken in found} == {cloud}
    assert len({taken.token for taken in found}) == 2
    assert [(taken.cursor, taken.polled_at) for taken in found] == [({}, None)] * 2


def test_ensuring_again_changes_nothing(db: Database) -> None:
    cloud = register(db, kinds=["capacity"])
    (taken,) = lease(db)
    succeed(db, taken)
    jobs.ensure(db, cloud.id, KINDS, NOW)
    assert kinds(lease(db)) == ["quotas"]


def test_jobs_that_are_not_due_are_not_leased(db: Database) -> None:
    register(db)
    assert lease(db, now=NOW - 1) == []


def test_longest_due_first(db: Database) -> None:
    register(db)
    for taken in lease(db):
        succeed(db, taken, next_at=NOW + (10 if taken.kind == "quotas" else 20))
    assert kinds(lease(db, now=NOW + 30, limit=1)) == ["quotas"]
    assert kinds(lease(db, now=NOW + 30, limit=1)) == ["capacity"]


def test_only_clouds_and_kinds_that_are_asked_for(db: Database) -> None:
    register(db)
    register(db, "gamma")
    assert jobs.lease(db, ["alpha"], ["quotas"], now=NOW, until=NOW, limit=9) != []
    assert kinds(lease(db, until=NOW + 60)) != []
    assert jobs.lease(db, [], KINDS, now=NOW, until=NOW, limit=9) == []
    assert jobs.lease(db, ["gamma"], [], now=NOW, until=NOW, limit=9) == []


def test_a_leased_job_is_not_leased_again(db: Database) -> None:
    register(db)
    assert len(lease(db)) == 2
    assert lease(db, now=NOW + 59) == []


def test_taken_over_when_the_lease_has_ended(db: Database) -> None:
    register(db, kinds=["quotas"])
    (first,) = lease(db)
    (second,) = lease(db, now=NOW + 60, until=NOW + 120)
    assert second.token != first.token
    with pytest.raises(LeaseLostError, match="quotas of alpha"):
        jobs.renew(db, first, NOW + 300)
    jobs.renew(db, second, NOW + 300)
    assert lease(db, now=NOW + 299) == []


def test_holding_prolongs(db: Database) -> None:
    register(db, kinds=["quotas"])
    (taken,) = lease(db)
    jobs.renew(db, taken, NOW + 600)
    assert lease(db, now=NOW + 599) == []
    assert kinds(lease(db, now=NOW + 600)) == ["quotas"]


def test_ending_a_job_ends_its_lease(db: Database) -> None:
    register(db, kinds=["quotas"])
    (taken,) = lease(db)
    succeed(db, taken)
    with pytest.raises(LeaseLostError):
        jobs.renew(db, taken, NOW + 60)


def test_a_success_is_kept(db: Database) -> None:
    register(db, kinds=["quotas"])
    (taken,) = lease(db)
    succeed(db, taken, now=NOW + 5, cursor={"since": 7})
    assert outcome(db, "quotas") == jobs.JobOutcome(
        cloud="alpha", kind="quotas", polled_at=NOW + 5, error=None, error_at=None, seconds=1.5
    )
    (again,) = lease(db, now=NOW + 300)
    assert (again.cursor, again.polled_at) == ({"since": 7}, NOW + 5)


def test_a_failure_keeps_the_last_success_and_its_cursor(db: Database) -> None:
    register(db, kinds=["quotas"])
    (taken,) = lease(db)
    succeed(db, taken, cursor={"since": 7})
    (taken,) = lease(db, now=NOW + 300)
    jobs.fail(db, taken, now=NOW + 301, next_at=NOW + 360, seconds=1, error="Nova: 500")
    last = outcome(db, "quotas")
    assert (last.polled_at, last.error, last.error_at) == (NOW, "Nova: 500", NOW + 301)
    (again,) = lease(db, now=NOW + 360)
    assert (again.cursor, again.polled_at) == ({"since": 7}, NOW)


def test_a_success_clears_the_error(db: Database) -> None:
    register(db, kinds=["quotas"])
    (taken,) = lease(db)
    jobs.fail(db, taken, now=NOW, next_at=NOW, seconds=1, error="Nova: 500")
    (taken,) = lease(db)
    succeed(db, taken)
    assert (outcome(db, "quotas").error, outcome(db, "quotas").error_at) == (None, None)


@pytest.mark.parametrize("ended", ["succeed", "fail"])
def test_lost_lease_writes_no_outcome(db: Database, ended: str) -> None:
    register(db, kinds=["quotas"])
    (first,) = lease(db)
    (second,) = lease(db, now=NOW + 60, until=NOW + 120)
    if ended == "succeed":
        succeed(db, first)
    else:
        jobs.fail(db, first, now=NOW, next_at=NOW, seconds=1, error="late")
    assert outcome(db, "quotas").polled_at is outcome(db, "quotas").error is None
    jobs.renew(db, second, NOW + 300)


def test_make_due_brings_forward_only(db: Database) -> None:
    cloud = register(db)
    for taken in lease(db):
        succeed(db, taken)
    jobs.make_due(db, [cloud.id], ["quotas"], NOW + 10)
    jobs.make_due(db, [cloud.id], ["quotas"], NOW + 20)
    assert lease(db, now=NOW + 9) == []
    assert kinds(lease(db, now=NOW + 10)) == ["quotas"]


def test_next_at_is_the_earliest_of_due_and_lease(db: Database) -> None:
    assert jobs.next_at(db, ["alpha"]) is None
    register(db)
    assert jobs.next_at(db, ["alpha"]) == NOW
    first, _ = lease(db, until=NOW + 60)
    assert jobs.next_at(db, ["alpha"]) == NOW + 60
    succeed(db, first, next_at=NOW + 30)
    assert jobs.next_at(db, ["alpha"]) == NOW + 30
    assert jobs.next_at(db, ["beta"]) is None


def test_outcomes_are_listed_by_cloud_and_kind(db: Database) -> None:
    register(db, "b")
    register(db, "a")
    pairs = [(row.cloud, row.kind) for row in jobs.outcomes(db)]
    assert pairs == [("a", "capacity"), ("a", "quotas"), ("b", "capacity"), ("b", "quotas")]


def test_two_collectors_at_once_never_share_a_job(store: Store) -> None:
    with store.transaction() as db:
        for i in range(10):
            register(db, f"cloud{i}")
    names = [f"cloud{i}" for i in range(10)]
    start = Barrier(4)

    def lease(limit: int) -> list[str]:
        with store.transaction() as db:
            leases = jobs.lease(db, names, KINDS, now=NOW, until=NOW + 60, limit=limit)
            return [f"{lease.cloud.name}/{lease.kind}" for lease in leases]

    def take(_: int) -> list[str]:
        start.wait(timeout=30)
        return list(chain.from_iterable(lease(3) for _ in range(5)))

    with ThreadPoolExecutor(4) as pool:
        taken = list(chain.from_iterable(pool.map(take, range(4))))
    # In MariaDB, a collector may have seen none of the due jobs while another one took some.
    taken += lease(20)
    assert len(taken) == len(set(taken)) == 20


def test_jobs_in_a_transaction_of_another_are_skipped_or_waited_for(store: Store) -> None:
    with store.transaction() as db:
        register(db, kinds=["quotas"])
    with ThreadPoolExecutor(1) as pool:
        with store.transaction() as db:
            assert len(lease(db)) == 1
            other = pool.submit(_lease_in_a_transaction, store)
        assert other.result(timeout=60) == []


def _lease_in_a_transaction(store: Store) -> list[Lease]:
    with store.transaction() as db:
        return lease(db)


def test_expired_lease_writes_nothing(store: Store) -> None:
    with store.transaction() as db:
        cloud = register(db, kinds=["capacity"])
        (first,) = lease(db)
    with store.transaction() as db:
        (second,) = lease(db, now=NOW + 60, until=NOW + 120)
    with pytest.raises(LeaseLostError):
        _record(store, first)
    with store.read() as db:
        assert capacity.of_url(db, KEYSTONE, None) == {cloud.id: None}
    with store.transaction() as db:
        jobs.renew(db, second, NOW + 300)


def _record(store: Store, taken: Lease) -> None:
    with store.transaction() as db:
        capacity.record(db, taken.cloud, CAPACITY, NOW)
        jobs.renew(db, taken, NOW + 300)


def test_a_site_that_was_polled_is_not_due(db: Database) -> None:
    site(db).polled()
    assert lease(db, now=NOW + 3599) == []


def test_so_many_jobs_of_each_cloud(db: Database) -> None:
    register(db)
    register(db, "beta")
    taken = lease(db, per_cloud={"alpha": 1, "beta": 0})
    assert [each.cloud.name for each in taken] == ["alpha"]
    assert len(lease(db, per_cloud={"alpha": 9, "beta": 9})) == 3


@pytest.mark.parametrize("ended", ["succeed", "fail"])
def test_a_clock_that_was_set_back_keeps_no_job_waiting(db: Database, ended: str) -> None:
    register(db, kinds=["quotas"])
    (first,) = lease(db)
    if ended == "succeed":
        succeed(db, first)
    else:
        jobs.fail(db, first, now=NOW, next_at=NOW + 60, seconds=1, error="down")
    earlier = NOW - 3600
    (second,) = lease(db, now=earlier, until=earlier + 60)
    assert lease(db, now=earlier) == []
    # It is asked once, and not again and again until the clock is there.
    jobs.fail(db, second, now=earlier, next_at=earlier + 60, seconds=1, error="down")
    assert lease(db, now=earlier + 59) == []
    assert kinds(lease(db, now=earlier + 60)) == ["quotas"]


def test_a_lease_from_the_future_is_over(db: Database) -> None:
    register(db, kinds=["quotas"])
    (first,) = lease(db, until=NOW + 2 * jobs.LONGEST_LEASE)
    (second,) = lease(db, until=NOW + 60)
    assert first.token != second.token
    assert lease(db) == []


def test_a_poll_that_began_under_another_url_writes_nothing(db: Database) -> None:
    before = register(db)
    (taken,) = lease(db, limit=1)
    written = replace(before, auth_url=MOVED, keystone=MOVED)
    keystones.move(db, before, written, before.region)
    with pytest.raises(LeaseLostError, match="another URL"):
        jobs.renew(db, taken, NOW + 120)
