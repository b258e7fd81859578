"""Keystone: the projects of a cloud. Which customer they belong to is decided in ``placing``."""

from typing import Any

from openstats.clouds.asking import asking
from openstats.clouds.connection import Connection
from openstats.clouds.placing import Placings, place
from openstats.clouds.text import ID, text
from openstats.model import KeystoneProject


def projects(connection: Connection) -> list[KeystoneProject]:
    """List all projects of the cloud's Keystone: two calls, whatever their number."""
    keystone = connection.keystone
    with asking(connection.cloud.name, "Keystone's domains"):
        domains = {domain.id: text(domain.name) for domain in keystone.domains.list()}
    with asking(connection.cloud.name, "Keystone's projects"):
        return [_project(found.to_dict(), domains) for found in keystone.projects.list()]


def _project(found: dict[str, Any], domains: dict[str, str]) -> KeystoneProject:
    domain = text(found["domain_id"])
    parent = found.get("parent_id")
    tags = found.get("tags") or ()
    return KeystoneProject(
        id=text(found["id"], ID),
        name=text(found["name"]),
        domain_id=domain,
        domain_name=domains.get(domain, domain),
        parent_id=text(parent) if parent else None,
        enabled=bool(found.get("enabled", True)),
        tags=frozenset(map(text, tags)),
    )


def placings(connection: Connection) -> Placings:
    """List all projects and where they belong; excluded ones belong nowhere."""
    settings, keystone = connection.entry.settings, connection.cloud.keystone
    return place(projects(connection), settings, keystone)
