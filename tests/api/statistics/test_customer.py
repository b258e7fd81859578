"""Customer over HTTP."""

from typing import Any

from webtest import TestApp

from tests.api.world import UNKNOWN

URL = "/api/stats/customer/"
ACME = {"name": "acme", "projects": 2, "project_groups": 2, "instances": 4}
UMBRELLA = {"name": "umbrella", "projects": 1, "project_groups": 0, "instances": 0}


def ask(api: TestApp, query: str = "") -> Any:
    return api.get(f"{URL}?{query}").json


def test_exactly_the_four_keys_by_name(api: TestApp) -> None:
    assert ask(api) == [ACME, UMBRELLA]


def test_the_uuid_when_asked_for(api: TestApp) -> None:
    found = ask(api, "with=uuid")
    assert [{k: v for k, v in entry.items() if k != "uuid"} for entry in found] == [ACME, UMBRELLA]
    assert len({entry["uuid"] for entry in found}) == 2


def test_pages(api: TestApp) -> None:
    (first,) = ask(api, "with=uuid&limit=1")
    assert first["name"] == "acme"
    assert ask(api, f"limit=1&marker={first['uuid']}") == [UMBRELLA]
    assert ask(api, f"marker={first['uuid'].replace('-', '')}") == [UMBRELLA]


def test_no_customers_give_an_empty_list(empty: TestApp) -> None:
    assert ask(empty) == []


def test_only_some(api: TestApp) -> None:
    acme, umbrella = (entry["uuid"] for entry in ask(api, "with=uuid"))
    assert ask(api, f"uuid={acme}") == [ACME]
    assert ask(api, f"uuid={umbrella.replace('-', '').upper()}&uuid={UNKNOWN}") == [UMBRELLA]
    assert ask(api, f"uuid={UNKNOWN}&uuid={acme}&uuid={umbrella}&limit=1") == [ACME]
    assert ask(api, f"uuid={UNKNOWN}") == []


def test_as_many_as_a_portal_shows(api: TestApp) -> None:
    acme = ask(api, "with=uuid")[0]["uuid"]
    many = "&".join([f"uuid={UNKNOWN}"] * 999)
    assert ask(api, f"{many}&uuid={acme}&with=uuid&strict=true")[0]["name"] == "acme"
