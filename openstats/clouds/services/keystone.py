"""Keystone: the domains and projects of a cloud; each list is whole, or it is an error.

Keystone cuts lists at its ``max_db_limit`` (without a word, unless a limit is asked for) and at
its ``list_limit`` (which it says; releases before 2025.1 have no further pages). To whom projects
belong is decided by ``customer_rules``.
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
from openstats.clouds.figures import Row
from openstats.clouds.omissions import Omissions, read_items
from openstats.clouds.paging import USUAL, PagedList, Paging, pages
from openstats.clouds.sanitize import ID, NAME, clean
from openstats.errors import CloudError, TruncatedError
from openstats.model import KeystoneProject

LIMITS = "look for list_limit and max_db_limit in keystone.conf"
PROJECTS, DOMAINS = "Keystone's projects", "Keystone's domains"

NEEDED = ("id", "name", "domain_id", "parent_id", "enabled", "tags")
LONGEST_VALUE = NAME + 1
"""Characters that are kept of a text, so that one that is too long is seen to be."""

MOST_TAGS = 80
"""Keystone's own bound."""

MOST_DOMAINS = 100
"""Domains that are asked for one by one because their list leaves them out."""

SAMPLE = 10
"""Domains whose own list a first list of all projects is compared with."""


class Domain(NamedTuple):
    """A domain; no user of one that is disabled can sign in, nor to any of its projects."""

    name: str
    enabled: bool


@dataclass(frozen=True)
class ProjectList:
    """All projects of a Keystone that can be read, and what had to be left out."""

    projects: list[KeystoneProject]
    omissions: Omissions


def projects(connection: Connection, paging: Paging = USUAL, *, first: bool = False) -> ProjectList:
    """Return all projects of the cloud's Keystone: two calls, and one for each further page.

    The ``first`` list is compared with those of some domains: nothing else is known yet.

    Raises:
        CloudError: Keystone does not answer, or cuts its list however it is asked.
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
    """Leave out what is below a project that was left out: whose it is depends on that one."""
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
    """Return whether a project has a parent (not its domain) that is not among these ids."""
    return project.parent_id not in (None, project.domain_id) and project.parent_id not in ids


def assign(connection: Connection, projects: Sequence[KeystoneProject]) -> Assignments:
    """Return the customers and groups of projects, by the settings of the cloud's entry."""
    return customer_rules.assign(projects, connection.entry.settings, connection.cloud.keystone)


def exists(connection: Connection, project: str) -> bool | None:
    """Return whether Keystone shows a project by its id; None: the user may not know.

    A domain that acts as a project is none: no list of projects has it.
    """
    with translated(connection.cloud.name, f"Keystone's project {project}"):
        try:
            body = _get(connection, f"/projects/{quote(project, safe='')}", {})
            return not body["project"].get("is_domain")
        except NotFound:
            return False
        except Forbidden:
            return None


def _project(row: Row, domains: Mapping[str, Domain]) -> KeystoneProject:
    domain_id, parent_id = clean(row["domain_id"]), row.get("parent_id")
    project_id, name = clean(row["id"], ID), clean(row["name"])
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
    """Return the domains by id; projects of one that is left out are left out, too."""
    rows = _rows(connection, "domains", DOMAINS, paging)
    with translated(connection.cloud.name, DOMAINS):
        domains = dict(read_items(rows, _domain, omissions))
        omissions.refuse_all()
    return domains


def _domain(row: Row) -> tuple[str, Domain]:
    return clean(row["id"]), Domain(clean(row["name"]), bool(row.get("enabled", True)))


def _unlisted_domains(
    connection: Connection, rows: Iterable[object], domain_ids: Set[str]
) -> dict[str, Domain]:
    """Return the domains of projects that the list of domains leaves out."""
    unlisted_ids = sorted(_texts(rows, "domain_id") - domain_ids)
    if len(unlisted_ids) > MOST_DOMAINS:
        raise CloudError(
            f"{connection.cloud.name}: {DOMAINS}: the list leaves out {len(unlisted_ids)} domains "
            "of projects that Keystone shows: it is cut"
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
    """Return the rows of all projects; where that list is cut, those of each domain."""
    try:
        return list(_rows(connection, "projects", PROJECTS, paging))
    except TruncatedError:
        parts = (_projects_of_domain(connection, key, paging) for key in domain_ids)
        return list(chain.from_iterable(parts))


def _refuse_cut(
    connection: Connection, rows: Iterable[object], domain_ids: Sequence[str], paging: Paging
) -> None:
    """Raise CloudError if the list of a domain shows projects that the list of all leaves out."""
    listed_ids = _texts(rows, "id")
    for key in domain_ids[:: 1 + len(domain_ids) // SAMPLE]:
        of_domain = _texts(_projects_of_domain(connection, key, paging), "id")
        if unlisted := sorted(of_domain - listed_ids):
            raise CloudError(
                f"{connection.cloud.name}: {PROJECTS}: the list of all is cut: that of domain "
                f"{key} shows {len(unlisted)} more, {unlisted[0]} among them; {LIMITS}"
            )


def _texts(rows: Iterable[object], name: str) -> set[str]:
    """Return the texts that rows have under a name; rows that have none are passed over."""
    values = [row.get(name) for row in rows if isinstance(row, dict)]
    return {value for value in values if isinstance(value, str)}


def _projects_of_domain(connection: Connection, domain_id: str, paging: Paging) -> list[object]:
    """Return the projects of a domain; where that list is cut as well, those below each of them."""
    query = {"domain_id": domain_id}
    try:
        return list(_rows(connection, "projects", PROJECTS, paging, query))
    except TruncatedError:
        return list(_projects_below(connection, domain_id, paging))


def _projects_below(connection: Connection, domain_id: str, paging: Paging) -> Iterator[object]:
    """Yield the projects below a domain, level by level, one call for each.

    Raises:
        TruncatedError: there are too many below one of them: part of the list would be missing.
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
    """Yield the rows of a list, each with what is read of it: all are in memory at once."""
    fetch = partial(_get, connection, f"/{key}")
    for rows in pages(PagedList(connection.cloud.name, call, key, fetch), paging, query):
        yield from map(_needed_part, rows)


def _needed_part(row: object) -> object:
    """Return the part of a domain or a project that is read."""
    if not isinstance(row, dict):
        return row
    return {name: _bounded(row[name]) for name in NEEDED if name in row}


def _bounded(value: object) -> object:
    """Return as much of a value of a row as is read."""
    if isinstance(value, str):
        return value[:LONGEST_VALUE]
    if isinstance(value, list):
        return list(map(_bounded, value[:MOST_TAGS]))
    return {} if isinstance(value, dict) else value


def _get(connection: Connection, path: str, query: Row) -> Row:
    """Return a document, through the client's adapter: its managers drop that a list is cut."""
    url = f"{path}?{urlencode(query)}" if query else path
    _, body = connection.keystone.projects.client.get(url)
    return dict(body)
