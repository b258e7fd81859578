"""Customer over HTTP."""

from typing import Any

from webtest import TestApp

from tests.api.world import UNKNOWN

URL = "/api/stats/customer/"
ACME = {"name": "acme", "projects": 2, "project_groups": 2, "instances": 4}
UMBRELLA = {"name": "umbrella", "projects": 1, "project_groups": 0, "instances": 0}


def ask(api: TestApp, query: str = "") -> Any:
    return api.get(f"{URL}?{query}").json


def test_exactly_the_four_keys_by_name(stored_app: TestApp) -> None:
    assert ask(stored_app) == [ACME, UMBRELLA]


def test_the_uuid_when_asked_for(stored_app: TestApp) -> None:
    found = ask(stored_app, "with=uuid")
    assert [{k: v for k, v in entry.items() if k != "uuid"} for entry in found] == [ACME, UMBRELLA]
    assert len({entry["uuid"] for entry in found}) == 2


def test_pages(stored_app: TestApp) -> None:
    (first,) = ask(stored_app, "with=uuid&limit=1")
    assert first["name"] == "acme"
    assert ask(stored_app, f"limit=1&marker={first['uuid']}") == [UMBRELLA]
    assert ask(stored_app, f"marker={first['uuid'].replace('-', '')}") == [UMBRELLA]


def test_no_customers_give_an_empty_list(empty_app: TestApp) -> None:
    assert ask(empty_app) == []


def test_only_some(stored_app: TestApp) -> None:
    acme, umbrella = (entry["uuid"] for entry in ask(stored_app, "with=uuid"))
    assert ask(stored_app, f"uuid={acme}") == [ACME]
    assert ask(stored_app, f"uuid={umbrella.replace('-', '').upper()}&uuid={UNKNOWN}") == [UMBRELLA]
    assert ask(stored_app, f"uuid={UNKNOWN}&uuid={acme}&uuid={umbrella}&limit=1") == [ACME]
    assert ask(stored_app, f"uuid={UNKNOWN}") == []


def test_as_many_as_a_portal_shows(stored_app: TestApp) -> None:
    acme = ask(stored_app, "with=uuid")[0]["uuid"]
    many = "&".join([f"uuid={UNKNOWN}"] * 999)
    assert ask(stored_app, f"{many}&uuid={acme}&with=uuid&strict=true")[0]["name"] == "acme"
