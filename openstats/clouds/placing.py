"""Placing: which customer and groups a Keystone project belongs to, by the settings of its cloud.

A name means nothing without its domain: one that is written without means the domains of the
setting ``default_domains``. No service is asked here.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from openstats.clouds import customer_file
from openstats.clouds.entry import Settings
from openstats.errors import ConfigError
from openstats.model import KeystoneProject, Origin, Placing

CUSTOMER_TAG = "openstats:customer="
GROUP_TAG = "openstats:group="

Customer = tuple[Origin, str]
"""What a customer is known by, and its name."""

LONGEST = 255
"""Characters that a name or key may have."""


class Placings(NamedTuple):
    """Where all projects of a Keystone belong, and what an operator should look into."""

    placings: list[Placing]
    warnings: list[str]


def place(projects: Sequence[KeystoneProject], settings: Settings, keystone: str) -> Placings:
    """Return where projects belong; excluded ones belong nowhere.

    Raises:
        ConfigError: a setting cannot be used, or names a project that it does not tell from others.
    """
    excluded = _excluded(projects, settings)
    counted = [p for p in projects if p.id not in excluded]
    warnings = _not_excluded(projects, settings)
    if settings.customer_from == "file":
        # Read each time: it may change while a collector runs.
        listed = customer_file.read(settings.customer_file)
        customers = _filed(counted, listed, settings)
        warnings += _namesakes(counted, listed, settings)
    else:
        by_id: dict[str | None, KeystoneProject] = {project.id: project for project in projects}
        customers = {
            project.id: customer
            for project in counted
            if (customer := _customer(project, by_id, settings, keystone))
        }
    return Placings([_placing(p, customers.get(p.id), settings) for p in projects], warnings)


def _placing(project: KeystoneProject, customer: Customer | None, settings: Settings) -> Placing:
    if customer is None:
        return Placing(project, None)
    groups = _tagged(project, GROUP_TAG) if settings.group_tags else []
    return Placing(project, *customer, frozenset(groups))


def _domains(project: KeystoneProject) -> set[str]:
    """Return what means a project's domain: its id and its name, and for Default ``default``."""
    names = {project.domain_id, project.domain_name}
    return names | {"default"} if "Default" in names else names


def _in_default_domain(project: KeystoneProject, settings: Settings) -> bool:
    return not _domains(project).isdisjoint(settings.default_domains)


def _spellings(project: KeystoneProject) -> set[str]:
    """Return what means this project and no other: its id, and DOMAIN/NAME."""
    return {project.id} | {f"{domain}/{project.name}" for domain in _domains(project)}


def _excluded(projects: Sequence[KeystoneProject], settings: Settings) -> set[str]:
    """Return the ids of the projects that are no customer's."""
    names = set(settings.exclude_projects)
    by_name = _by_name(projects)
    meant = [_meant(name, by_name, settings) for name in names]
    # Which of several is meant, a warning asks.
    ids = {namesakes[0].id for namesakes in meant if len(namesakes) == 1}
    return ids | {
        project.id
        for project in projects
        if not _domains(project).isdisjoint(settings.exclude_domains)
        or not _spellings(project).isdisjoint(names)
    }


def _customer(
    project: KeystoneProject,
    by_id: Mapping[str | None, KeystoneProject],
    settings: Settings,
    keystone: str,
) -> Customer | None:
    """Return a project's customer by what Keystone says of it."""
    way = settings.customer_from
    if way == "domain":
        return Origin(keystone, project.domain_id), project.domain_name
    if way == "top-project":
        top = _top(project, by_id)
        return Origin(keystone, top.id), top.name
    name = _name(project, settings)
    return _named(project, name, settings, keystone) if name else None


def _name(project: KeystoneProject, settings: Settings) -> str:
    """Return the customer's name that a tag or the regular expression finds; empty for none."""
    if settings.customer_from == "tag":
        return next(iter(_tagged(project, CUSTOMER_TAG)), "")
    match = _compiled(settings.customer_regex).search(project.name)
    return (match["customer"] or "") if match else ""


def _named(project: KeystoneProject, name: str, settings: Settings, keystone: str) -> Customer:
    """Return the customer of a name: outside the default domains it is one of its domain's own."""
    key = f"{settings.customer_from}:{name}"
    if _in_default_domain(project, settings):
        return Origin(keystone, key), name
    key = f"{project.domain_id}/{key}"
    short = key if len(key) <= LONGEST else sha256(key.encode()).hexdigest()
    return Origin(keystone, short), f"{project.domain_name}/{name}"[:LONGEST]


def _top(project: KeystoneProject, by_id: Mapping[str | None, KeystoneProject]) -> KeystoneProject:
    seen = {project.id}
    while project.parent_id in by_id and project.parent_id not in seen:
        project = by_id[project.parent_id]
        seen.add(project.id)
    return project


def _tagged(project: KeystoneProject, prefix: str) -> list[str]:
    return sorted(
        tag.removeprefix(prefix) for tag in project.tags if tag.startswith(prefix) and tag != prefix
    )


@cache
def _compiled(regex: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise ConfigError(f"customer_regex {regex!r} is no regular expression: {error}") from error
    if "customer" not in pattern.groupindex:
        raise ConfigError(f"customer_regex {regex!r} has no group (?P<customer>...)")
    return pattern


def _filed(
    projects: Sequence[KeystoneProject], listed: Mapping[str, str], settings: Settings
) -> dict[str, Customer]:
    """Return the customer of each project that a file lists.

    It is the one way that joins customers of different Keystones.

    Raises:
        ConfigError: a name may mean several projects.
    """
    by_name = _by_name(projects)
    names: dict[str, str] = {}
    for spelling, name in listed.items():
        meant = _meant(spelling, by_name, settings)
        if len(meant) > 1:
            raise ConfigError(
                f"customer_file {settings.customer_file!r}: {spelling!r} may be any of "
                f"{_listing(meant)}; write DOMAIN/NAME or the project's id"
            )
        names |= {project.id: name for project in meant}
    for project in projects:
        # What tells namesakes apart goes before a name alone.
        for spelling in _spellings(project) & listed.keys():
            names[project.id] = listed[spelling]
    return {key: (Origin("file", name), name) for key, name in names.items()}


def _by_name(projects: Iterable[KeystoneProject]) -> Mapping[str, list[KeystoneProject]]:
    namesakes: defaultdict[str, list[KeystoneProject]] = defaultdict(list)
    for project in projects:
        namesakes[project.name].append(project)
    return namesakes


def _meant(
    name: str, by_name: Mapping[str, list[KeystoneProject]], settings: Settings
) -> list[KeystoneProject]:
    """Return the projects that a name alone may mean; those in the default domains go first."""
    namesakes = by_name.get(name, [])
    return [p for p in namesakes if _in_default_domain(p, settings)] or namesakes


def _not_excluded(projects: Sequence[KeystoneProject], settings: Settings) -> list[str]:
    """Return a sentence for each name that excludes nothing, since it may mean several projects."""
    by_name = _by_name(projects)
    return [
        f"exclude_projects: {name!r} may be any of {_listing(meant)}, and excludes none of them; "
        "write DOMAIN/NAME or the project's id"
        for name in settings.exclude_projects
        if len(meant := _meant(name, by_name, settings)) > 1
    ]


def without_effect(projects: Sequence[KeystoneProject], settings: Settings) -> list[str]:
    """Return a sentence for each name in a setting that this Keystone has no project or domain of.

    Those of the defaults are for whoever has them.
    """
    usual = Settings()
    names = {project.name for project in projects}.union(*map(_spellings, projects))
    domains = set[str]().union(*map(_domains, projects))
    unused = {
        "exclude_projects": ("project", set(settings.exclude_projects) - names),
        "exclude_domains": ("domain of a project", set(settings.exclude_domains) - domains),
        "default_domains": ("domain of a project", set(settings.default_domains) - domains),
    }
    return [
        f"{setting}: there is no {kind} {name!r} here"
        for setting, (kind, missing) in unused.items()
        for name in sorted(missing - set(getattr(usual, setting)))
    ]


def _namesakes(
    projects: Sequence[KeystoneProject], listed: Iterable[str], settings: Settings
) -> list[str]:
    """Return a sentence for each name of the file that several projects have."""
    by_name = _by_name(projects)
    return [
        f"customer_file {settings.customer_file!r}: {name!r} means the one in the default domain, "
        f"of {_listing(namesakes)}; write DOMAIN/NAME or the project's id"
        for name in listed
        if len(namesakes := by_name.get(name, [])) > 1
    ]


def _listing(projects: Iterable[KeystoneProject]) -> str:
    return ", ".join(sorted(f"{p.domain_name}/{p.name} ({p.id})" for p in projects))
