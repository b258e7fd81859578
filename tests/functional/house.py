"""A house of many customers: a running service, what is in its registry, and alerts of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openstats.tokens import hash_token
from tests.devcloud import Cloud
from tests.edge import Edge
from tests.functional.personas import Keystone
from tests.functional.system import Api, System

CURRENT, ZED = "current", "zed"
CLOSED, OPEN = "closed", "open"
"""Receivers: one with a token of its own, and one that takes tokens of Keystone as well."""
TOKEN = "known to the receivers only"

TENANTS = """
SELECT tenant.uuid, tenant.tenant_id, tenant.name, cloud.name AS cloud, project.uuid AS project,
       customer.uuid AS customer, customer.keystone_id AS domain
FROM tenant JOIN cloud ON cloud.id = tenant.cloud_id JOIN project ON project.id = tenant.project_id
JOIN customer ON customer.id = project.customer_id
ORDER BY tenant.deleted_at IS NOT NULL, cloud.name, tenant.name
"""
COLUMNS = ("uuid", "tenant_id", "name", "cloud", "project", "customer", "domain")

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


@contextmanager
def opened(clouds: dict[str, Cloud], home: Path) -> Iterator[House]:
    """Serve two clouds, with tenants of equal ids, receivers and alerts."""
    entries = {name: cloud.clouds_entry() for name, cloud in clouds.items()}
    with Edge() as edge, System(home, entries, edge) as system:
        system.run("collect", "--once", "--full")
        # A tenant of each cloud gets the same id, as Keystones that know nothing of one another
        # could have given.
        system.sql(
            "UPDATE tenant SET tenant_id = (SELECT tenant_id FROM tenant JOIN cloud ON cloud.id ="
            f" cloud_id WHERE cloud.name = '{CURRENT}' AND project_id IS NOT NULL ORDER BY"
            " tenant.name LIMIT 1) WHERE id = (SELECT tenant.id FROM tenant JOIN cloud ON"
            f" cloud.id = cloud_id WHERE cloud.name = '{ZED}' AND project_id IS NOT NULL"
            " ORDER BY tenant.name LIMIT 1)"
        )
        auth = entries[CURRENT]["auth"]
        system.sections = {
            "api": {"auth_strategy": "keystone"},
            "keystone_authtoken": {"auth_type": "password"} | auth,
            "alerts": {"receivers": f"{CLOSED}, {OPEN}"},
            f"receiver:{CLOSED}": {"token_hash": hash_token(TOKEN)},
            f"receiver:{OPEN}": {"token_hash": hash_token(TOKEN), "keystone": "true"},
        }
        system.configure()
        keystone = Keystone(clouds[CURRENT])
        tenants = [dict(zip(COLUMNS, row, strict=True)) for row in system.sql(TENANTS)]
        with system.serving() as api:
            raise_alerts(api.as_(admin(keystone)), tenants)
            yield House(system, keystone, api, tenants)
