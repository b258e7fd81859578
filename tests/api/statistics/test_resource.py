"""Resource over HTTP."""

from typing import Any

import pytest
from webtest import TestApp

from openstats.storage import jobs
from openstats.storage.store import Store
from tests.api.world import ALIAS, CLOCK, EXAMPLE
from tests.registry import KEYSTONE, KINDS, NOW, site

URL = "/stats/resource/"
FIGURES = {
    "free_disk_gb": 14,
    "free_ram_mb": 510444,
    "memory_mb": 516588,
    "memory_mb_used": 6144,
    "vcpus": 64,
    "vcpus_used": 4,
}
QUOTAS = {"memory_quota": 4096 + 1024 + 512, "storage_quota": -1, "vcpu_quota": -1}


def ask(api: TestApp, query: str) -> Any:
    return api.get(f"{URL}?{query}").json


def test_exactly_the_nine_keys_of_one_region(stored_app: TestApp) -> None:
    assert ask(stored_app, f"auth_url={KEYSTONE}&region=one") == FIGURES | QUOTAS


def test_regions_are_summed(stored_app: TestApp) -> None:
    found = ask(stored_app, f"auth_url={KEYSTONE}")
    assert found == {name: 2 * figure for name, figure in FIGURES.items()} | QUOTAS | {
        "memory_quota": QUOTAS["memory_quota"] + 512
    }


def test_unlimited_quotas_can_be_skipped(stored_app: TestApp) -> None:
    found = ask(stored_app, f"auth_url={KEYSTONE}&region=one&unlimited=skip")
    assert (found["vcpu_quota"], found["storage_quota"]) == (2 + 8, 16384 + 1024)


@pytest.mark.parametrize(
    "url", [KEYSTONE + "/", KEYSTONE + "/v3", KEYSTONE.upper().replace("HTTPS", "https")]
)
def test_other_spellings_of_the_same_url(stored_app: TestApp, url: str) -> None:
    assert ask(stored_app, f"auth_url={url}&region=one") == FIGURES | QUOTAS


def test_an_alias_finds_its_cloud(stored_app: TestApp) -> None:
    assert ask(stored_app, f"auth_url={ALIAS}/v3") == FIGURES | QUOTAS


def test_a_cloud_without_linked_tenants_has_zero_quotas(
    writable_app: TestApp, store: Store
) -> None:
    with store.transaction() as db:
        site(db).project("p1", customer=None).discover().quota("p1", vcpu=(8, 1)).capacity(EXAMPLE)
    found = ask(writable_app, f"auth_url={KEYSTONE}")
    assert found == FIGURES | {"memory_quota": 0, "storage_quota": 0, "vcpu_quota": 0}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("auth_url=https://nowhere.example", "auth_url=https://nowhere.example"),
        ("auth_url=https://nowhere.example&region=one", "auth_url=https://nowhere.example"),
        (f"auth_url={KEYSTONE}&region=x", "region=x"),
        (f"auth_url={KEYSTONE}&region=ONE", "region=ONE"),
    ],
)
def test_an_unknown_auth_url_or_region_is_invalid(
    stored_app: TestApp, query: str, named: str
) -> None:
    (error,) = stored_app.get(f"{URL}?{query}", status=400).json["errors"]
    assert error["code"] == "openstats.parameter.invalid"
    assert error["detail"].startswith(f"{named}: ")
    assert ("must be one of one, two" in error["detail"]) == named.startswith("region")


def test_a_cloud_that_was_never_polled_is_polled_now(writable_app: TestApp, store: Store) -> None:
    with store.transaction() as db:
        fresh = site(db)
        fresh.polled("discovery", "instances", "volumes", "quotas")
    answer = writable_app.get(f"{URL}?auth_url={KEYSTONE}", status=503)
    assert answer.headers["Retry-After"] == "10"
    assert answer.json["errors"][0]["code"] == "openstats.cloud.not_polled"
    with store.transaction() as db:
        taken = jobs.lease(db, ["alpha"], KINDS, now=CLOCK, until=CLOCK + 60, limit=9)
    assert {lease.kind for lease in taken} == set(KINDS)


def test_a_region_that_was_never_polled_is_missing_in_the_coverage(
    writable_app: TestApp, store: Store
) -> None:
    with store.transaction() as db:
        site(db, "a", region="one").capacity(EXAMPLE, at=NOW - 5).polled("discovery", "quotas")
        site(db, "b", region="two")
    answer = writable_app.get(f"{URL}?auth_url={KEYSTONE}")
    assert answer.json["vcpus"] == 64
    assert answer.headers["X-Openstats-Coverage"] == "tenants=0/0 clouds=1/2"
    assert answer.headers["X-Openstats-Age"] == "35"


def test_a_cloud_that_was_never_polled_hides_no_wrong_parameter(
    writable_app: TestApp, store: Store
) -> None:
    with store.transaction() as db:
        site(db)
    answer = writable_app.get(f"{URL}?auth_url={KEYSTONE}&nonsense=1", status=400)
    assert answer.json["errors"][0]["detail"].startswith("nonsense:")
