"""Keystone: the domains and projects of a cloud. An incomplete list is an error.

Keystone cuts lists at its ``max_db_limit`` (silently, unless the request has a limit) and at its
``list_limit`` (with a mark in the response; releases before 2025.1 have no further pages).
``customer_rules`` assigns projects to customers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import NamedTuple
from urllib.parse import quote, urlencode

from keystoneauth1.exceptions import Forbidden, NotFound

from openstats.clouds.clouds_yaml import customer_rules
from openstats.clouds.clouds_yaml.customer_rules import Assignments
from openstats.clouds.connection import Connection
from openstats.clouds.errors import translated
from openstats.clouds.json_documents import JsonObject
from openstats.clouds.omissions import Omissions, read_items
from openstats.clouds.paging import DEFAULT_PAGING, PagedList, Paging, pages
from openstats.clouds.sanitize import ID_LENGTH, NAME_LENGTH, clean
from openstats.discovery import KeystoneProject
from openstats.errors import CloudError, TruncatedError

LIMITS = "look for list_limit and max_db_limit in keystone.conf"
PROJECTS, DOMAINS = "Keystone's projects", "Keystone's domains"

NEEDED_KEYS = ("id", "name", "domain_id", "parent_id", "enabled", "tags")
MAX_VALUE_LENGTH = NAME_LENGTH + 1
"""Characters that are kept of a string: one more than allowed, so that checks detect excess."""

MAX_TAGS = 80
"""The largest number of tags of a project in Keystone."""

MAX_DOMAINS = 100
"""The largest number of domains missing in their list that are requested one by one."""

SAMPLE_SIZE = 10
"""The number of domains whose own lists check the first list of all projects."""


class Domain(NamedTuple):
    """A domain. If it is disabled, its users cannot sign in, and its projects accept no tokens."""

    name: str
    enabled: bool


@dataclass(frozen=True)
class ProjectList:
    """All readable projects of a Keystone, and the omitted ones."""

    projects: list[KeystoneProject]
    omissions: Omissions


def projects(
    connection: Connection, paging: Paging = DEFAULT_PAGING, *, first: bool = False
) -> ProjectList:
    """Return all projects of the cloud's Keystone: two calls, and one for each further page.

    With ``first``, compare the list with those of some domains: there are no stored projects yet.

    Raises:
        CloudError: Keystone does not answer, or cuts even the lists of parts.
    """
    unreadable_domains = Omissions(connection.cloud.name, "domain")
    domains = _domains(connection, paging, unreadable_domains)
    domain_ids = {*domains, *unreadable_domains.ids}
    rows = _all_projects(connection, domain_ids, paging)
    if first:
        _refuse_cut(connection, rows, sorted(domain_ids), paging)
    domains |= _unlisted_domains(connection, rows, domain_ids)
    omissions = Omissions(connection.cloud.name, "project")
    with translated(connection.cloud.name, PROJECTS):
        readable = list(read_items(rows, partial(_project, domains=domains), omissions))
        omissions.refuse_all()
        return ProjectList(_without_orphans(readable, omissions), omissions)


def _without_orphans(
    projects: list[KeystoneProject], omissions: Omissions
) -> list[KeystoneProject]:
    """Return projects without those below an omitted one, which may determine their customer.

    Add them to ``omissions``.
    """
    while omissions.number:
        ids = {project.id for project in projects}
        orphans = [project for project in projects if _is_orphan(project, ids)]
        for orphan in orphans:
            error = LookupError(f"parent {orphan.parent_id} cannot be read")
            omissions.add({"id": orphan.id}, error)
        projects = [project for project in projects if project.id not in omissions.ids]
        if not orphans:
            break
    return projects


def _is_orphan(project: KeystoneProject, ids: Set[str]) -> bool:
    """Return whether a project has a parent, other than its domain, that is not in ``ids``."""
    return project.parent_id not in (None, project.domain_id) and project.parent_id not in ids


def assign(connection: Connection, projects: Sequence[KeystoneProject]) -> Assignments:
    """Return the customers and groups of projects by the settings of the cloud's entry."""
    return customer_rules.assign(projects, connection.entry.settings, connection.cloud.keystone)


def exists(connection: Connection, project: str) -> bool | None:
    """Return whether Keystone has a project; None if the user must not see it.

    A domain that acts as a project does not count: no list of projects has it.
    """
    with translated(connection.cloud.name, f"Keystone's project {project}"):
        try:
            body = _get(connection, f"/projects/{quote(project, safe='')}", {})
            return not body["project"].get("is_domain")
        except NotFound:
            return False
        except Forbidden:
            return None


def _project(row: JsonObject, domains: Mapping[str, Domain]) -> KeystoneProject:
    domain_id, parent_id = clean(row["domain_id"]), row.get("parent_id")
    project_id, name = clean(row["id"], ID_LENGTH), clean(row["name"])
    tags = frozenset(map(clean, row.get("tags") or ()))
    domain = domains[domain_id]
    return KeystoneProject(
        id=project_id,
        name=name,
        domain_id=domain_id,
        domain_name=domain.name,
        parent_id=clean(parent_id) if parent_id else None,
        enabled=bool(row.get("enabled", True)) and domain.enabled,
        tags=tags,
    )


def _domains(connection: Connection, paging: Paging, omissions: Omissions) -> dict[str, Domain]:
    """Return the domains by id; add unreadable ones to ``omissions``.

    The projects of an unreadable domain are omitted too.
    """
    rows = _rows(connection, "domains", DOMAINS, paging)
    with translated(connection.cloud.name, DOMAINS):
        domains = dict(read_items(rows, _domain, omissions))
        omissions.refuse_all()
    return domains


def _domain(row: JsonObject) -> tuple[str, Domain]:
    return clean(row["id"]), Domain(clean(row["name"]), bool(row.get("enabled", True)))


def _unlisted_domains(
    connection: Connection, rows: Iterable[object], domain_ids: Set[str]
) -> dict[str, Domain]:
    """Return the domains of projects that are missing in the list of domains.

    Raises:
        CloudError: there are more than ``MAX_DOMAINS``, or one cannot be read.
    """
    unlisted_ids = sorted(_texts(rows, "domain_id") - domain_ids)
    if len(unlisted_ids) > MAX_DOMAINS:
        raise CloudError(
            f"{connection.cloud.name}: {DOMAINS}: the list is cut: it leaves out "
            f"{len(unlisted_ids)} domains of listed projects; {LIMITS}"
        )
    domains = {}
    for key in unlisted_ids:
        with translated(connection.cloud.name, f"Keystone's domain {key}"):
            body = _get(connection, f"/domains/{quote(key, safe='')}", {})
            _, domains[key] = _domain(body["domain"])
    return domains


def _all_projects(
    connection: Connection, domain_ids: Iterable[str], paging: Paging
) -> list[object]:
    """Return the rows of all projects; if that list is cut, read those of each domain."""
    try:
        return list(_rows(connection, "projects", PROJECTS, paging))
    except TruncatedError:
        parts = (_projects_of_domain(connection, key, paging) for key in domain_ids)
        return list(chain.from_iterable(parts))


def _refuse_cut(
    connection: Connection, rows: Iterable[object], domain_ids: Sequence[str], paging: Paging
) -> None:
    """Raise CloudError if a domain's list has projects that are missing in the list of all."""
    listed_ids = _texts(rows, "id")
    for key in domain_ids[:: 1 + len(domain_ids) // SAMPLE_SIZE]:
        of_domain = _texts(_projects_of_domain(connection, key, paging), "id")
        if unlisted := sorted(of_domain - listed_ids):
            raise CloudError(
                f"{connection.cloud.name}: {PROJECTS}: the list of all is cut: that of domain "
                f"{key} has {len(unlisted)} more projects, such as {unlisted[0]}; {LIMITS}"
            )


def _texts(rows: Iterable[object], name: str) -> set[str]:
    """Return the strings that rows have under ``name``; skip other values."""
    values = [row.get(name) for row in rows if isinstance(row, dict)]
    return {value for value in values if isinstance(value, str)}


def _projects_of_domain(connection: Connection, domain_id: str, paging: Paging) -> list[object]:
    """Return the projects of a domain; if that list is cut, read those below each project."""
    query = {"domain_id": domain_id}
    try:
        return list(_rows(connection, "projects", PROJECTS, paging, query))
    except TruncatedError:
        return list(_projects_below(connection, domain_id, paging))


def _projects_below(connection: Connection, domain_id: str, paging: Paging) -> Iterator[object]:
    """Yield the projects below a domain: one call for the children of each project.

    Raises:
        TruncatedError: Keystone cuts even the list of the children of one project.
    """
    parents, parent_ids = [domain_id], {domain_id}
    while parents:
        query = {"parent_id": parents.pop()}
        for row in _rows(connection, "projects", PROJECTS, paging, query):
            yield row
            children = _texts([row], "id") - parent_ids
            parent_ids |= children
            parents += children


def _rows(
    connection: Connection, key: str, call: str, paging: Paging, query: dict[str, str] | None = None
) -> Iterator[object]:
    """Yield the rows of a list, reduced to the needed keys: all rows are in memory at once."""
    fetch = partial(_get, connection, f"/{key}")
    for rows in pages(PagedList(connection.cloud.name, call, key, fetch), paging, query):
        yield from map(_needed_part, rows)


def _needed_part(row: object) -> object:
    """Return the needed keys of a domain or project."""
    if not isinstance(row, dict):
        return row
    return {name: _bounded(row[name]) for name in NEEDED_KEYS if name in row}


def _bounded(value: object) -> object:
    """Return a value of a row, shortened to what is needed."""
    if isinstance(value, str):
        return value[:MAX_VALUE_LENGTH]
    if isinstance(value, list):
        return list(map(_bounded, value[:MAX_TAGS]))
    return {} if isinstance(value, dict) else value


def _get(connection: Connection, path: str, query: JsonObject) -> JsonObject:
    """Return a document through keystoneclient's adapter: its managers hide that a list is cut."""
    url = f"{path}?{urlencode(query)}" if query else path
    _, body = connection.keystone.projects.client.get(url)
    return dict(body)
