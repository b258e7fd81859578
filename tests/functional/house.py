"""A house of many customers: a running service, what is in its registry, and alerts of it."""

from dataclasses import dataclass
from typing import Any

from tests.functional.personas import Keystone
from tests.functional.system import Api, System

SOME_DAY = 4_000_000_000
SCOPES = {"tenant": "uuid", "customer": "customer"}
"""Of what alerts are raised, and what that is called in a row of a tenant."""


@dataclass
class House:
    """A running service, and what is in its registry: tenants and projects by uuid."""

    system: System
    keystone: Keystone
    api: Api
    tenants: list[dict[str, Any]]

    def grant(self, scope: str, uuid: str, role: str, **to: str) -> None:
        body = to | {"role": role, "scope": {scope: uuid}}
        api = self.api.as_(admin(self.keystone))
        assert api.call("POST", "/api/grants/", body)[0] == 201

    def projects(self, **where: str) -> set[str]:
        """Give the uuids of the projects of some tenants."""
        return {
            row["project"]
            for row in self.tenants
            if all(row[name] == value for name, value in where.items())
        }

    def seen(self, token: str, **more: str) -> set[str]:
        """Give the uuids of the projects that a caller sees."""
        found = self.api.as_(token).get("quota", aggregate="project", each="true", **more)
        return {entry["uuid"] for entry in found}


def admin(keystone: Keystone) -> str:
    project = keystone.project("admin")
    user = keystone.user(**{f"project_{project}": "admin"})
    return keystone.token(user, project=project)


def raise_alerts(api: Api, tenants: list[dict[str, Any]]) -> None:
    """Raise an alert of each tenant, and of each customer itself."""
    scopes = {(kind, row[name]) for row in tenants for kind, name in SCOPES.items()}
    for kind, uuid in scopes:
        told = {"alert_type": kind, "severity": "Info", "message": kind, "scope": {kind: uuid}}
        assert api.call("POST", "/api/alerts/", told)[0] == 201


def counted(api: Api) -> dict[str, dict[str, Any]]:
    """Give what the statistic alert says of each project, also of what was raised just now."""
    bounds = {"from": 0, "to": SOME_DAY}
    found = api.get("alert", aggregate="project", each="true", **bounds)
    return {entry["uuid"]: entry for entry in found}


def alerted(api: Api, kind: str) -> set[str]:
    """Give of what kind of object alerts are seen that were raised by hand."""
    path = f"/api/alerts/?limit=1000&source=api&alert_type={kind}"
    listed = api.call("GET", path)[1]["alerts"]
    for alert in listed:
        assert api.call("GET", f"/api/alerts/{alert['uuid']}/")[:2] == (200, alert)
    return {alert["scope"][kind] for alert in listed}
