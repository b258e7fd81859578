"""Keystone: the projects of a cloud, and which customer and groups they belong to."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from openstats.clouds.asking import asking
from openstats.clouds.connection import Connection
from openstats.clouds.entry import Settings
from openstats.clouds.text import ID, text
from openstats.errors import ConfigError
from openstats.model import KeystoneProject, Origin, Placing

CUSTOMER_TAG = "openstats:customer="
GROUP_TAG = "openstats:group="
LONGEST_NAME = 255


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


def placings(connection: Connection) -> list[Placing]:
    """List all projects and where they belong; excluded ones belong nowhere."""
    found = projects(connection)
    by_id = {project.id: project for project in found}
    settings, keystone = connection.entry.settings, connection.cloud.keystone
    return [_placing(project, by_id, settings, keystone) for project in found]


def _placing(
    project: KeystoneProject, by_id: dict[str, KeystoneProject], settings: Settings, keystone: str
) -> Placing:
    if project.name in settings.exclude_projects or project.id in settings.exclude_projects:
        return Placing(project, None)
    origin, name = _customer(project, by_id, settings, keystone)
    groups = _tagged(project, GROUP_TAG) if settings.group_tags else []
    return Placing(project, origin, name, frozenset(groups))


def _customer(
    project: KeystoneProject, by_id: dict[str, KeystoneProject], settings: Settings, keystone: str
) -> tuple[Origin | None, str]:
    """Give the customer's origin and name, or nothing."""
    way = settings.customer_from
    if way == "domain":
        return Origin(keystone, project.domain_id), project.domain_name
    if way == "top-project":
        top = _top(project, by_id)
        return Origin(keystone, top.id), top.name
    if way == "file":
        name = _filed(settings.customer_file).get(project.id) or _filed(settings.customer_file).get(
            project.name
        )
        # The one way that joins customers of different Keystones.
        return (Origin("file", name), name) if name else (None, "")
    names = (
        _tagged(project, CUSTOMER_TAG)
        if way == "tag"
        else _matched(project, settings.customer_regex)
    )
    return (Origin(keystone, f"{way}:{names[0]}"), names[0]) if names else (None, "")


def _top(project: KeystoneProject, by_id: dict[str, KeystoneProject]) -> KeystoneProject:
    seen = {project.id}
    while project.parent_id in by_id and project.parent_id not in seen:
        project = by_id[project.parent_id]
        seen.add(project.id)
    return project


def _tagged(project: KeystoneProject, prefix: str) -> list[str]:
    return sorted(
        tag.removeprefix(prefix) for tag in project.tags if tag.startswith(prefix) and tag != prefix
    )


def _matched(project: KeystoneProject, regex: str) -> list[str]:
    match = _compiled(regex).search(project.name)
    return [match["customer"]] if match and match["customer"] else []


@cache
def _compiled(regex: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise ConfigError(f"customer_regex {regex!r} is no regular expression: {error}") from error
    if "customer" not in pattern.groupindex:
        raise ConfigError(f"customer_regex {regex!r} has no group (?P<customer>...)")
    return pattern


@cache
def _filed(path: str) -> dict[str, str]:
    """Read which customer a project (id or name) belongs to; read once, at the first use."""
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        found = {str(project): str(name) for name, listed in document.items() for project in listed}
    except (OSError, ValueError, AttributeError, TypeError, yaml.YAMLError) as error:
        raise ConfigError(f"customer_file {path!r} cannot be used: {error}") from error
    for name in found.values():
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise ConfigError(f"customer_file {path!r}: {name[:40]!r}... is no name of a customer")
    return found
