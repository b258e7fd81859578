"""Rules by which a Keystone project is assigned to a customer and to groups.

The settings of a cloud choose the rules.

A name means nothing without its domain: one that is written without means the domains of the
setting ``default_domains``. No service is asked here.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from openstats.clouds.clouds_yaml import customer_file
from openstats.clouds.clouds_yaml.entries import Settings
from openstats.clouds.clouds_yaml.project_names import Names
from openstats.errors import ConfigError
from openstats.model import Assignment, KeystoneProject, Origin

CUSTOMER_TAG = "openstats:customer="
GROUP_TAG = "openstats:group="

Customer = tuple[Origin, str]
"""What a customer is known by, and its name."""

LONGEST = 255
"""Characters that a name or key may have."""


class Assignments(NamedTuple):
    """Where all projects of a Keystone belong, and what an operator should look into."""

    assignments: list[Assignment]
    warnings: list[str]


def assign(projects: Sequence[KeystoneProject], settings: Settings, keystone: str) -> Assignments:
    """Return where projects belong; excluded ones belong nowhere.

    Raises:
        ConfigError: a setting cannot be used, or names a project that it does not tell from others.
    """
    names = Names(projects, settings.default_domains)
    excluded = _excluded(projects, names, settings)
    counted = [p for p in projects if p.id not in excluded]
    warnings = _not_excluded(projects, names, settings)
    if settings.customer_from == "file":
        # Read each time: it may change while a collector runs.
        listed = customer_file.read(settings.customer_file)
        ids = {project.id for project in counted}
        customers = _filed(names, ids, listed, settings)
        warnings += _namesakes(names, ids, listed, settings)
    else:
        by_id: dict[str | None, KeystoneProject] = {project.id: project for project in projects}
        customers = {
            project.id: customer
            for project in counted
            if (customer := _customer(project, by_id, names, settings, keystone))
        }
    return Assignments([_assignment(p, customers.get(p.id), settings) for p in projects], warnings)


def _assignment(
    project: KeystoneProject, customer: Customer | None, settings: Settings
) -> Assignment:
    if customer is None:
        return Assignment(project, None)
    groups = _tagged(project, GROUP_TAG) if settings.group_tags else []
    return Assignment(project, *customer, frozenset(groups))


def _excluded(projects: Sequence[KeystoneProject], names: Names, settings: Settings) -> set[str]:
    """Return the ids of the projects that are no customer's."""
    ids = {project.id for project in projects}
    meant = [names.meant(spelling, ids) for spelling in settings.exclude_projects]
    # Which of several is meant, a warning asks.
    single = {found[0].id for found in meant if len(found) == 1}
    return single | {p.id for p in projects if names.is_in(p, settings.exclude_domains)}


def _customer(
    project: KeystoneProject,
    by_id: Mapping[str | None, KeystoneProject],
    names: Names,
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
    if not name:
        return None
    key = f"{way}:{name}"
    if names.is_in_default(project):
        return Origin(keystone, key), name
    return _of_domain(project, key, name, keystone)


def _name(project: KeystoneProject, settings: Settings) -> str:
    """Return the customer's name that a tag or the regular expression finds; empty for none."""
    if settings.customer_from == "tag":
        return next(iter(_tagged(project, CUSTOMER_TAG)), "")
    match = _compiled(settings.customer_regex).search(project.name)
    return (match["customer"] or "") if match else ""


def _of_domain(project: KeystoneProject, key: str, name: str, keystone: str) -> Customer:
    """Return the customer of a name outside the default domains: it is its domain's own."""
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
    group = "with a group named customer, such as ^(?P<customer>[a-z]+)-"
    if not regex:
        advice = f"{group}: {customer_file.WHERE}"
        raise ConfigError(f"customer_from = regex needs customer_regex, {advice}")
    what = f"[clouds] customer_regex {regex!r}"
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise ConfigError(f"{what} is no regular expression of Python: {error}") from error
    if "customer" not in pattern.groupindex:
        raise ConfigError(f"{what} must be one {group}")
    return pattern


def _filed(
    names: Names, ids: Collection[str], listed: Mapping[str, str], settings: Settings
) -> dict[str, Customer]:
    """Return the customer of each project, of these, that a file lists.

    It is the one way that joins customers of different Keystones.

    Raises:
        ConfigError: a text may mean several projects, or a project is listed under two customers.
    """
    spellings: dict[str, str] = {}
    # What tells namesakes apart goes before a name alone.
    for spelling in sorted(listed, key=lambda text: not names.exactly(text)):
        meant = names.meant(spelling, ids)
        if len(meant) > 1:
            raise ConfigError(
                f"[clouds] customer_file {settings.customer_file!r}: {spelling!r} may be any of "
                f"{_listing(meant)}; write DOMAIN/NAME or the project's id"
            )
        for project in meant:
            other = spellings.setdefault(project.id, spelling)
            if names.exactly(spelling) and listed[other] != listed[spelling]:
                raise ConfigError(
                    f"[clouds] customer_file {settings.customer_file!r}: {other!r} and "
                    f"{spelling!r} are the project {_listing(meant)}, listed under "
                    f"{listed[other]!r} and {listed[spelling]!r}; list it under one of them"
                )
    customers = {key: listed[spelling] for key, spelling in spellings.items()}
    return {key: (Origin("file", name), name) for key, name in customers.items()}


def _not_excluded(
    projects: Sequence[KeystoneProject], names: Names, settings: Settings
) -> list[str]:
    """Return a sentence for each name that excludes nothing, since it may mean several projects."""
    ids = {project.id for project in projects}
    return [
        f"exclude_projects: {spelling!r} may be any of {_listing(meant)}, and excludes none of "
        "them; write DOMAIN/NAME or the project's id"
        for spelling in settings.exclude_projects
        if len(meant := names.meant(spelling, ids)) > 1
    ]


def without_effect(projects: Sequence[KeystoneProject], settings: Settings) -> list[str]:
    """Return a sentence for each name in a setting that this Keystone has no project or domain of.

    Those of the defaults are for whoever has them.
    """
    usual = Settings()
    names = Names(projects, settings.default_domains)
    ids = {project.id for project in projects}
    unmeant = {text for text in settings.exclude_projects if not names.meant(text, ids)}
    domains = names.domains
    unused = {
        "exclude_projects": ("project", unmeant),
        "exclude_domains": ("domain of a project", set(settings.exclude_domains) - domains),
        "default_domains": ("domain of a project", set(settings.default_domains) - domains),
    }
    return [
        f"{setting}: there is no {kind} {name!r} here"
        for setting, (kind, missing) in unused.items()
        for name in sorted(missing - set(getattr(usual, setting)))
    ]


def _namesakes(
    names: Names, ids: Collection[str], listed: Iterable[str], settings: Settings
) -> list[str]:
    """Return a sentence for each name of the file that several projects have."""
    return [
        f"[clouds] customer_file {settings.customer_file!r}: {spelling!r} means the one in the "
        f"default domain, of {_listing(namesakes)}; write DOMAIN/NAME or the project's id"
        for spelling in listed
        if not names.exactly(spelling)
        and names.meant(spelling, ids)
        and len(namesakes := names.namesakes(spelling, ids)) > 1
    ]


def _listing(projects: Iterable[KeystoneProject]) -> str:
    return ", ".join(sorted(f"{p.domain_name}/{p.name} ({p.id})" for p in projects))
