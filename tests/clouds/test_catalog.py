"""The catalog of a token: endpoints by service, region and interface."""

from typing import Any

import pytest

from openstats.clouds.catalog import Catalog


def service(kind: str, *endpoints: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": kind, "endpoints": list(endpoints)} | fields


def endpoint(url: str, region: str = "West", interface: str = "public", **fields: Any) -> Any:
    return {"url": url, "region_id": region, "interface": interface} | fields


CATALOG = Catalog(
    (
        service(
            "identity",
            endpoint("http://keystone/v3/", "North", id="k1"),
            endpoint("no url", "North", "admin"),
            id="k",
        ),
        service(
            "compute",
            endpoint("http://nova-west"),
            endpoint("http://nova-east", "East"),
            endpoint("http://nova-internal", interface="internal"),
        ),
        service("placement"),
        {"type": "empty", "endpoints": None},
    )
)


@pytest.mark.parametrize(
    ("region", "interface", "urls"),
    [
        ("West", "public", ["http://nova-west"]),
        ("West", "publicURL", ["http://nova-west"]),
        ("West", ["internal", "public"], ["http://nova-west", "http://nova-internal"]),
        (None, "public", ["http://nova-west", "http://nova-east"]),
        ("South", "public", []),
        ("West", None, []),
    ],
)
def test_urls_by_region_and_interface(region: str | None, interface: Any, urls: list[str]) -> None:
    assert CATALOG.urls({"compute"}, region, interface) == urls


def test_regions_are_those_with_more_than_keystone() -> None:
    assert CATALOG.regions == ["East", "West"]
    assert Catalog(CATALOG.services[:1]).regions == ["North"]


def test_keystone_is_identified_by_its_proper_urls_and_ids() -> None:
    assert CATALOG.identity_urls == {"http://keystone"}
    assert CATALOG.ids == {"k", "k1"}


def test_the_region_to_ask_is_the_entry_s_or_the_only_one() -> None:
    assert CATALOG.choose_region("West") == "West"
    assert Catalog(CATALOG.services[:1]).choose_region("") == "North"
    assert Catalog(()).choose_region("") == ""


@pytest.mark.parametrize(
    ("region", "words"), [("South", "correct region_name"), ("", "a cloud each")]
)
def test_no_region_is_guessed(region: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CATALOG.choose_region(region)
