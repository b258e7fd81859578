"""The world of a devcloud that tests disturb: its tenants, servers, volumes and snapshots."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from tests.devcloud import Cloud, catalog

DOMAINS = ("Aurora Foods", "Borealis Bank", "Cascade Media")

Item = dict[str, Any]


@dataclasses.dataclass
class World:
    """The cloud as it is at the beginning of a round, in an order that does not depend on ids."""

    cloud: Cloud
    rng: random.Random
    image: str
    tenants: list[Item]
    servers: list[Item]
    volumes: list[Item]
    snapshots: list[Item]

    def call(self, method: str, service: str, path: str, body: Any = None, **more: Any) -> Any:
        return self.cloud.rest.call(method, service, path, body, **more)

    def name(self, kind: str) -> str:
        return f"{kind}-{self.rng.randrange(10**6):06}"


def look(cloud: Cloud, rng: random.Random) -> World:
    rest = cloud.rest
    # Only the domains of this module: whatever else is in the cloud is left alone.
    domains = {d["id"]: d["name"] for d in rest.call("GET", "keystone", "/domains")["domains"]}
    found = rest.call("GET", "keystone", "/projects")["projects"]
    tenants = [p for p in found if domains[p["domain_id"]] in DOMAINS]
    names = {tenant["id"]: tenant["name"] for tenant in tenants}

    def mine(service: str, path: str, key: str, tenant: str) -> list[Item]:
        version = "2.87" if service == "nova" else None
        items = list(rest.pages(service, path, key, version))
        items = [item | {"tenant": item[tenant]} for item in items if item[tenant] in names]
        return sorted(items, key=lambda item: (names[item["tenant"]], item["name"]))

    everywhere = "/detail?all_tenants=1"
    of_snapshot = "os-extended-snapshot-attributes:project_id"
    return World(
        cloud,
        rng,
        catalog.image(rest),
        sorted(tenants, key=lambda tenant: tenant["name"]),
        mine("nova", f"/servers{everywhere}", "servers", "tenant_id"),
        mine("cinder", f"/volumes{everywhere}", "volumes", "os-vol-tenant-attr:tenant_id"),
        mine("cinder", f"/snapshots{everywhere}", "snapshots", of_snapshot),
    )
