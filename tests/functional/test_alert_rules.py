"""Rules of openstats' own on a real cloud: a quota that is nearly used up, an API that is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import floor
from pathlib import Path
from typing import Any

import pytest

from tests.devcloud import Cloud
from tests.devcloud.process import wait_for
from tests.edge import Edge
from tests.functional.alerting import Service, serving

NAME = "current"
CORES = "quota.vcpu"
SHORT = {"instances_interval": 3, "capacity_interval": 3, "retry_interval": 1}


@pytest.fixture
def cloud(clouds: dict[str, Cloud]) -> Cloud:
    return clouds[NAME]


@pytest.fixture
def service(cloud: Cloud, edge: Edge, tmp_path: Path) -> Iterator[Service]:
    entries = {NAME: cloud.clouds_entry()}
    with serving(tmp_path, edge, entries=entries, alerts={"silent_intervals": 4}) as running:
        running.system.configure(**SHORT)
        running.system.run("collect", "--once", "--full")
        yield running


def used(service: Service) -> dict[str, Any]:
    """Give a tenant that uses some cores, and whose it is."""
    query = (
        "SELECT t.tenant_id, t.uuid, c.uuid, q.vcpu_in_use FROM tenant t"
        " JOIN quota q ON q.tenant_id = t.id JOIN project p ON p.id = t.project_id"
        " JOIN customer c ON c.id = p.customer_id ORDER BY q.vcpu_in_use DESC"
    )
    return dict(zip(("id", "uuid", "customer", "cores"), service.system.sql(query)[0], strict=True))


@contextmanager
def limited(cloud: Cloud, tenant: str) -> Iterator[Any]:
    """Give what sets a tenant's cores quota; it is as it was afterwards."""
    path = f"/os-quota-sets/{tenant}"

    def limit(cores: int) -> None:
        body = {"quota_set": {"cores": cores}}
        cloud.rest.call("PUT", "nova", path, body, "2.87")

    before = cloud.rest.call("GET", "nova", path, None, "2.87")["quota_set"]["cores"]
    try:
        yield limit
    finally:
        limit(before)


def counted(service: Service, customer: str) -> dict[str, int]:
    """Give what the statistic counts of a customer's that is open."""
    found: dict[str, int] = service.now("alert", uuid=customer, opened="true")
    return {severity: number for severity, number in found.items() if number}


def test_a_quota_that_is_nearly_used_up_is_a_warning_then_an_error_then_over(
    service: Service, cloud: Cloud
) -> None:
    tenant = used(service)
    earlier: set[str] = set()

    def polled() -> list[dict[str, Any]]:
        service.system.run("collect", "--once", "--full")
        alerts = service.alerts(alert_type=CORES, tenant=tenant["uuid"])
        return [alert for alert in alerts if alert["uuid"] not in earlier]

    with limited(cloud, tenant["id"]) as limit:
        # Its own quota may be nearly used up already.
        limit(10 * tenant["cores"])
        earlier = {alert["uuid"] for alert in polled()}
        before = counted(service, tenant["customer"])
        steps = {"Warning": floor(tenant["cores"] / 0.8), "Error": tenant["cores"]}
        for severity, cores in steps.items():
            limit(cores)
            (alert,) = polled()
            assert (alert["severity"], alert["closed_at"]) == (severity, None)
            assert alert["scope"] == {"tenant": tenant["uuid"]}
            assert f"{tenant['cores']} of {cores} " in alert["message"]
            more = before | {severity: before.get(severity, 0) + 1}
            assert counted(service, tenant["customer"]) == more
        limit(10 * tenant["cores"])
        (closed,) = polled()
    assert closed["uuid"] == alert["uuid"]
    assert closed["closed_at"] is not None
    assert counted(service, tenant["customer"]) == before


def test_an_api_that_is_gone_is_an_error_until_it_is_back(service: Service, cloud: Cloud) -> None:
    def silent() -> dict[str, str]:
        found = service.alerts(opened="true", source="openstats", severity="Error")
        messages = {each["alert_type"]: each["message"] for each in found}
        return {kind: text for kind, text in messages.items() if kind.startswith("poll.")}

    service.system.start("collect")
    cloud.stop("nova")
    try:
        wait_for("both", lambda: any("instances were not read" in m for m in silent().values()))
        # One cause is one alert, however many kinds of poll it silences.
        ((kind, message),) = silent().items()
        assert message.startswith(f"{NAME}: capacity, instances were not read for ")
        assert "not polled" not in message
        assert service.now("alert")["Error"] >= 1
    finally:
        cloud.start("nova")
    wait_for("their end", lambda: not silent())
    assert len(service.alerts(alert_type=kind)) == 1
