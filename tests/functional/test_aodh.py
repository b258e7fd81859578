"""Aodh's own notifier tells of alarms: by a token in the URL, or by a trust in a real Keystone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.devcloud import Cloud
from tests.edge import Edge
from tests.functional.alerting import (
    RECEIVER,
    TOKEN,
    URL,
    Service,
    broken,
    discovered,
    serving,
    tenants,
)
from tests.functional.personas import PASSWORD, Keystone, User
from tests.peers import Aodh

ALARM, OK, UNKNOWN = "alarm", "ok", "insufficient data"
SECTION = f"receiver:{RECEIVER}"


@dataclass
class Telemetry:
    """Aodh's notifier, the user that it is in Keystone, and a store that knows the cloud."""

    aodh: Aodh
    keystone: Keystone
    user: User
    store: Path


@pytest.fixture(scope="module")
def telemetry(
    clouds: dict[str, Cloud], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Telemetry]:
    keystone = Keystone(clouds["current"])
    user = keystone.user(**{f"project_{keystone.project('service')}": "service"})
    mine = {"username": user.name, "password": PASSWORD, "project_name": "service"}
    credentials = clouds["current"].clouds_entry()["auth"] | mine | {"auth_type": "password"}
    with Edge() as edge:
        store = discovered(tmp_path_factory.mktemp("alarms"), edge, clouds["current"])
    with Aodh(tmp_path_factory.mktemp("aodh"), credentials) as aodh:
        yield Telemetry(aodh, keystone, user, store)


@pytest.fixture
def aodh(telemetry: Telemetry) -> Aodh:
    return telemetry.aodh


@pytest.fixture
def service(telemetry: Telemetry, edge: Edge, tmp_path: Path) -> Iterator[Service]:
    """A service whose receiver is Aodh's, for one project."""
    section = {"kind": "aodh", "project": tenants(telemetry.store)[0]["project"]}
    with serving(tmp_path, edge, telemetry.store, **{SECTION: section}) as running:
        yield running


def action(service: Service, token: str = TOKEN) -> str:
    return f"{service.url.replace('//', f'//aodh:{quote(token)}@')}{URL}"


def test_an_alarm_is_an_alert_until_it_is_ok(aodh: Aodh, service: Service) -> None:
    of, url = tenants(service.system.database)[0], action(service)
    assert aodh.notify(url, ALARM) == 204
    (alert,) = service.alerts()
    assert (alert["alert_type"], alert["severity"]) == ("cpu_high", "Error")
    assert alert["scope"] == {"project": of["project"]}
    assert service.by_customer() == {of["customer"]: {"Error": 1}}
    assert aodh.notify(url, UNKNOWN, previous=ALARM) == 204
    assert aodh.notify(url, ALARM, previous=UNKNOWN) == 204
    assert service.alerts(opened="true") == [alert]
    assert aodh.notify(url, OK, previous=ALARM) == 204
    (closed,) = service.alerts()
    assert closed["closed_at"] is not None
    assert aodh.notify(url, ALARM) == 204
    assert service.alerts() == [alert]
    assert service.counted() == 1


def test_alarms_are_told_apart_and_severities_are_understood(aodh: Aodh, service: Service) -> None:
    said = {"low": "Info", "moderate": "Warning", "critical": "Error"}
    for severity in said:
        told = {"alarm_id": severity, "alarm_name": severity, "severity": severity}
        assert aodh.notify(action(service), ALARM, **told) == 204
    found = {alert["alert_type"]: alert["severity"] for alert in service.alerts()}
    assert found == said


def test_a_wrong_token_is_refused(aodh: Aodh, service: Service) -> None:
    assert aodh.notify(action(service, "wrong"), ALARM) == 401
    assert service.alerts() == []


def test_options_of_aodh_in_the_url_are_ignored(aodh: Aodh, service: Service) -> None:
    assert aodh.notify(f"{action(service)}?aodh-alarm-ssl-verify=0", ALARM) == 204
    assert len(service.alerts()) == 1


def test_unstored_alarm_comes_with_the_next_evaluation(aodh: Aodh, service: Service) -> None:
    with broken(service):
        assert aodh.notify(action(service), ALARM) == 503
    assert service.alerts() == []
    service.kill()
    assert aodh.notify(action(service), ALARM, previous=ALARM) is None
    service.up()
    for _ in range(2):
        assert aodh.notify(action(service), ALARM, previous=ALARM) == 204
    assert (len(service.alerts()), service.counted()) == (1, 1)


def test_a_trust_tells_of_its_own_tenant_and_of_nothing_else(
    telemetry: Telemetry, edge: Edge, tmp_path: Path
) -> None:
    keystone, aodh = telemetry.keystone, telemetry.aodh
    sections: dict[str, dict[str, object]] = {
        SECTION: {"kind": "aodh", "keystone": "true", "token_hash": ""},
        "api": {"auth_strategy": "keystone"},
        "keystone_authtoken": {"auth_type": "password", **keystone.cloud.clouds_entry()["auth"]},
    }
    with serving(tmp_path, edge, telemetry.store, **sections) as service:
        admin = keystone.user(system="admin")
        service.api = service.api.as_(keystone.token(admin, system=True))
        first, *others = tenants(telemetry.store)
        other = next(of for of in others if of["customer"] != first["customer"])

        def trusting(project: str) -> str:
            owner = keystone.user(**{f"project_{project}": "member"})
            trust = keystone.trusted(owner, telemetry.user, project, "member")
            return f"trust+{service.url.replace('//', f'//{trust}:delete@')}{URL}"

        urls = {of["uuid"]: trusting(of["id"]) for of in (first, other)}
        assert aodh.notify(action(service), ALARM) == 401
        for url in urls.values():
            # Who knows the id of somebody else's alarm has no more of it.
            assert aodh.notify(url, ALARM) == 204
        assert {a["scope"]["tenant"] for a in service.alerts()} == set(urls)
        assert service.by_customer() == {t["customer"]: {"Error": 1} for t in (first, other)}
        assert aodh.notify(urls[other["uuid"]], OK, previous=ALARM) == 204
        (still,) = service.alerts(opened="true")
        assert still["scope"] == {"tenant": first["uuid"]}
        # Aodh's own user has a token, too: of no tenant that anybody has.
        assert len(service.alerts()) == 2
