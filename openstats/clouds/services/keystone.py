"""Keystone: the domains and projects of a cloud; each list is whole, or it is an error.

Keystone cuts lists at its ``max_db_limit`` (without a word, unless a limit is asked for) and at
its ``list_limit`` (which it says; releases before 2025.1 have no further pages). To whom projects
belong is decided by ``customer_rules``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import keystoneauth1.exceptions

from openstats.clouds.clouds_yaml import customer_rules
from openstats.clouds.clouds_yaml.customer_rules import Assignments
from openstats.clouds.connection import Connection
from openstats.clouds.errors import translated
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
"""Domains whose own list a first list of all projects is held against."""


@dataclass(frozen=True)
class ProjectList:
    """All projects of a Keystone that can be read, and what had to be left out."""

    projects: list[KeystoneProject]
    omissions: Omissions


def projects(connection: Connection, paging: Paging = USUAL, *, first: bool = False) -> ProjectList:
    """List all projects of the cloud's Keystone: two calls, and one for each further page.

    The ``first`` list is held against those of some domains: nothing else is known yet.

    Raises:
        CloudError: Keystone does not answer, or cuts its list however it is asked.
    """
    odd = Omissions(connection.cloud.name, "domain")
    domains = _domains(connection, paging, odd)
    rows = _all_projects(connection, {*domains, *odd.ids}, paging)
    if first:
        _refuse_cut(connection, rows, sorted({*domains, *odd.ids}), paging)
    domains |= _unlisted_domains(connection, rows, {*domains, *odd.ids})
    omissions = Omissions(connection.cloud.name, "project")
    with translated(connection.cloud.name, PROJECTS):
        listed = list(read_items(rows, partial(_project, domains=domains), omissions))
        omissions.refuse_all()
        listed = _without_orphans(listed, omissions)
    return ProjectList(listed, omissions)


def _without_orphans(listed: list[KeystoneProject], omissions: Omissions) -> list[KeystoneProject]:
    """Leave out what is below a project that was left out: whose it is depends on that one."""
    while omissions.number:
        ids = {project.id for project in listed}
        orphans = [
            p for p in listed if p.parent_id not in (None, p.domain_id) and p.parent_id not in ids
        ]
        for project in orphans:
            row = {"id": project.id}
            omissions.add(row, LookupError(f"parent {project.parent_id} cannot be read"))
        listed = [project for project in listed if project.id not in omissions.ids]
        if not orphans:
            break
    return listed


def assign(connection: Connection, projects: Sequence[KeystoneProject]) -> Assignments:
    """Return the customers and groups of projects, by the settings of the cloud's entry."""
    return customer_rules.assign(projects, connection.entry.settings, connection.cloud.keystone)


def exists(connection: Connection, project: str) -> bool | None:
    """Return whether Keystone shows a project by its id; None where it does not say so.

    A domain that acts as a project is none: no list of projects has it.
    """
    with translated(connection.cloud.name, f"Keystone's project {project}"):
        try:
            body = _get(connection, f"/projects/{quote(project, safe='')}", {})
            return not body["project"].get("is_domain")
        except keystoneauth1.exceptions.NotFound:
            return False
        except keystoneauth1.exceptions.Forbidden:
            return None


class Domain(NamedTuple):
    """A domain; no user of one that is disabled can sign in, nor to any of its projects."""

    name: str
    enabled: bool


def _project(row: Mapping[str, Any], domains: Mapping[str, Domain]) -> KeystoneProject:
    domain = clean(row["domain_id"])
    parent = row.get("parent_id")
    tags = row.get("tags") or ()
    return KeystoneProject(
        id=clean(row["id"], ID),
        name=clean(row["name"]),
        domain_id=domain,
        domain_name=domains[domain].name,
        parent_id=clean(parent) if parent else None,
        enabled=bool(row.get("enabled", True)) and domains[domain].enabled,
        tags=frozenset(map(clean, tags)),
    )


def _domains(connection: Connection, paging: Paging, omissions: Omissions) -> dict[str, Domain]:
    """Return the domains by id; projects of one that is left out are left out, too."""
    rows = chain.from_iterable(_listed(connection, "domains", DOMAINS, paging))
    with translated(connection.cloud.name, DOMAINS):
        domains = dict(read_items(rows, _domain, omissions))
        omissions.refuse_all()
    return domains


def _domain(row: Mapping[str, Any]) -> tuple[str, Domain]:
    return clean(row["id"]), Domain(clean(row["name"]), bool(row.get("enabled", True)))


def _unlisted_domains(
    connection: Connection, rows: Iterable[Any], domains: Set[str]
) -> dict[str, Domain]:
    """Return the domains of projects that the list of domains leaves out."""
    ids = {row.get("domain_id") for row in rows if isinstance(row, dict)}
    missing = sorted(key for key in ids if isinstance(key, str) and key not in domains)
    if len(missing) > MOST_DOMAINS:
        raise CloudError(
            f"{connection.cloud.name}: {DOMAINS}: the list leaves out {len(missing)} domains of "
            "projects that Keystone shows: it is cut"
        )
    unlisted = {}
    for key in missing:
        with translated(connection.cloud.name, f"Keystone's domain {key}"):
            body = _get(connection, f"/domains/{quote(key, safe='')}", {})
            unlisted[key] = _domain(body["domain"])[1]
    return unlisted


def _all_projects(
    connection: Connection, domains: Iterable[str], paging: Paging
) -> list[Mapping[str, Any]]:
    try:
        return list(chain.from_iterable(_listed(connection, "projects", PROJECTS, paging)))
    except TruncatedError:
        pieces = (_of_domain(connection, domain, paging) for domain in domains)
        return list(chain.from_iterable(pieces))


def _refuse_cut(
    connection: Connection, rows: Iterable[Any], domains: Sequence[str], paging: Paging
) -> None:
    """Raise CloudError if the list of a domain shows projects that the list of all leaves out."""
    listed = _ids(rows)
    for domain in domains[:: 1 + len(domains) // SAMPLE]:
        unlisted = sorted(_ids(_of_domain(connection, domain, paging)) - listed)
        if unlisted:
            raise CloudError(
                f"{connection.cloud.name}: {PROJECTS}: the list of all is cut: that of domain "
                f"{domain} shows {len(unlisted)} more, {unlisted[0]} among them; {LIMITS}"
            )


def _ids(rows: Iterable[Any]) -> set[str]:
    ids = (row.get("id") for row in rows if isinstance(row, dict))
    return {key for key in ids if isinstance(key, str)}


def _of_domain(connection: Connection, domain: str, paging: Paging) -> list[Any]:
    """List the projects of a domain; where that is cut as well, those below each of them."""
    query = {"domain_id": domain}
    try:
        listed = _listed(connection, "projects", PROJECTS, paging, query)
        return list(chain.from_iterable(listed))
    except TruncatedError:
        return list(_below(connection, domain, paging))


def _below(connection: Connection, top: str, paging: Paging) -> Iterator[Any]:
    """Yield the projects below a domain, level by level, one call for each.

    Raises:
        TruncatedError: there are too many below one of them: part of the list would be missing.
    """
    parents, seen = [top], {top}
    while parents:
        query = {"parent_id": parents.pop()}
        for row in chain.from_iterable(_listed(connection, "projects", PROJECTS, paging, query)):
            yield row
            key = row.get("id") if isinstance(row, dict) else None
            if isinstance(key, str) and key not in seen:
                seen.add(key)
                parents.append(key)


def _listed(
    connection: Connection, key: str, call: str, paging: Paging, query: dict[str, str] | None = None
) -> Iterator[list[Any]]:
    ask = partial(_get, connection, f"/{key}")
    for rows in pages(PagedList(connection.cloud.name, call, key, ask), paging, query):
        yield [_needed(row) for row in rows]


def _needed(row: Any) -> Any:
    """Return what is read of a domain or a project: all of them are in memory at once."""
    if not isinstance(row, dict):
        return row
    return {name: _bounded(row[name]) for name in NEEDED if name in row}


def _bounded(value: Any) -> Any:
    """Return a value of a row, or so much of it as need be."""
    if isinstance(value, str):
        return value[:LONGEST_VALUE]
    if isinstance(value, list):
        return [_bounded(each) for each in value[:MOST_TAGS]]
    return {} if isinstance(value, dict) else value


def _get(connection: Connection, path: str, query: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask through the client's adapter: its managers drop what Keystone says of cut lists."""
    url = f"{path}?{urlencode(query)}" if query else path
    _, body = connection.keystone.projects.client.get(url)
    return dict(body)
