"""Assigning Keystone projects to customers and groups, by the settings of a cloud.

A name without a domain refers to the domains of the setting ``default_domains``. This module calls
no service.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from openstats.clouds.clouds_yaml import customer_file
from openstats.clouds.clouds_yaml.project_names import ProjectNames
from openstats.clouds.clouds_yaml.settings import Settings
from openstats.discovery import Assignment, KeystoneProject, Origin
from openstats.errors import ConfigError

CUSTOMER_TAG = "openstats:customer="
GROUP_TAG = "openstats:group="
QUALIFY = "write DOMAIN/NAME or the project's id"

CustomerName = tuple[Origin, str]
"""The origin of a customer, which identifies it, and its name."""

MAX_LENGTH = 255
"""The largest number of characters in a name or key."""


class Assignments(NamedTuple):
    """The assignments of all projects of a Keystone, and warnings for the operator."""

    assignments: list[Assignment]
    warnings: list[str]


def assign(projects: Sequence[KeystoneProject], settings: Settings, keystone: str) -> Assignments:
    """Return the customers and groups of projects; excluded projects have no customer.

    Raises:
        ConfigError: a setting is invalid, or a name in the customer file is ambiguous.
    """
    names = ProjectNames(projects, settings.default_domains)
    excluded_ids = _excluded_ids(projects, names, settings)
    included = [project for project in projects if project.id not in excluded_ids]
    warnings = _ambiguous_exclusions(projects, names, settings)
    customers: Mapping[str, CustomerName | None]
    if settings.customer_from == "file":
        # Read each time: the file may change while a collector runs.
        customer_names = customer_file.read(settings.customer_file)
        ids = {project.id for project in included}
        customers = _customers_of_file(names, ids, customer_names, settings)
        warnings += _ambiguous_names(names, ids, customer_names, settings)
    else:
        rule = _Rule(projects, names, settings, keystone)
        customers = {project.id: rule.customer(project) for project in included}
    assignments = [_assignment(p, customers.get(p.id), settings) for p in projects]
    return Assignments(assignments, warnings)


def _assignment(
    project: KeystoneProject, customer: CustomerName | None, settings: Settings
) -> Assignment:
    if customer is None:
        return Assignment(project, None)
    groups = _tag_values(project, GROUP_TAG) if settings.group_tags else []
    return Assignment(project, *customer, frozenset(groups))


def _excluded_ids(
    projects: Sequence[KeystoneProject], names: ProjectNames, settings: Settings
) -> set[str]:
    """Return the ids of the projects that the settings exclude."""
    ids = {project.id for project in projects}
    excluded = {p.id for p in projects if names.is_in(p, settings.exclude_domains)}
    for spelling in settings.exclude_projects:
        matches = names.matches(spelling, ids)
        # An ambiguous name excludes none; there is a warning.
        if len(matches) == 1:
            excluded.add(matches[0].id)
    return excluded


class _Rule:
    """The rule ``customer_from`` of a cloud, other than ``file``."""

    def __init__(
        self,
        projects: Sequence[KeystoneProject],
        names: ProjectNames,
        settings: Settings,
        keystone: str,
    ) -> None:
        self._by_id: dict[str | None, KeystoneProject] = {p.id: p for p in projects}
        self._names = names
        self._settings = settings
        self._keystone = keystone

    def customer(self, project: KeystoneProject) -> CustomerName | None:
        """Return the customer of a project; None if its tag or name has none."""
        kind = self._settings.customer_from
        if kind == "domain":
            return Origin(self._keystone, project.domain_id), project.domain_name
        if kind == "top-project":
            top = self._top(project)
            return Origin(self._keystone, top.id), top.name
        name = self._name(project)
        if not name:
            return None
        key = f"{kind}:{name}"
        if self._names.is_in_default(project):
            return Origin(self._keystone, key), name
        return self._customer_of_domain(project, key, name)

    def _top(self, project: KeystoneProject) -> KeystoneProject:
        """Return the topmost ancestor of a project, or the project itself; stop at a cycle."""
        path = {project.id}
        while project.parent_id in self._by_id and project.parent_id not in path:
            project = self._by_id[project.parent_id]
            path.add(project.id)
        return project

    def _name(self, project: KeystoneProject) -> str:
        """Return the customer's name from a tag or the regular expression; empty without one."""
        if self._settings.customer_from == "tag":
            values = _tag_values(project, CUSTOMER_TAG)
            return values[0] if values else ""
        match = _compile(self._settings.customer_regex).search(project.name)
        return (match["customer"] or "") if match else ""

    def _customer_of_domain(self, project: KeystoneProject, key: str, name: str) -> CustomerName:
        """Return the customer of a name outside the default domains: one of that domain only."""
        long_key = f"{project.domain_id}/{key}"
        key = long_key if len(long_key) <= MAX_LENGTH else sha256(long_key.encode()).hexdigest()
        return Origin(self._keystone, key), f"{project.domain_name}/{name}"[:MAX_LENGTH]


def _tag_values(project: KeystoneProject, prefix: str) -> list[str]:
    values = [tag.removeprefix(prefix) for tag in project.tags if tag.startswith(prefix)]
    return sorted(filter(None, values))


@cache
def _compile(regex: str) -> re.Pattern[str]:
    requirement = "with a group named customer, such as ^(?P<customer>[a-z]+)-"
    if not regex:
        advice = f"a regular expression {requirement}: {customer_file.WHERE}"
        raise ConfigError(f"customer_from = regex requires customer_regex, {advice}")
    option = f"[clouds] customer_regex = {regex}"
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise ConfigError(f"{option}: must be a regular expression of Python: {error}") from error
    if "customer" not in pattern.groupindex:
        raise ConfigError(f"{option}: must be a regular expression {requirement}")
    return pattern


def _customers_of_file(
    names: ProjectNames,
    ids: Collection[str],
    customer_names: Mapping[str, str],
    settings: Settings,
) -> dict[str, CustomerName]:
    """Return the customers of the projects in ``ids`` by ``customer_names`` (spelling → customer).

    Only this rule can assign projects of different Keystones to one customer.

    Raises:
        ConfigError: a spelling may mean several projects, or a project has two customers.
    """
    spellings: dict[str, str] = {}
    # Exact spellings take precedence over names alone.
    exact_first = sorted(customer_names, key=lambda spelling: not names.exact_matches(spelling))
    for spelling in exact_first:
        matches = names.matches(spelling, ids)
        if len(matches) > 1:
            raise ConfigError(
                f"{_file_option(settings)}: {spelling!r} is ambiguous: {_list(matches)}; {QUALIFY}"
            )
        for project in matches:
            first = spellings.setdefault(project.id, spelling)
            former, customer = customer_names[first], customer_names[spelling]
            if names.exact_matches(spelling) and former != customer:
                raise ConfigError(
                    f"{_file_option(settings)}: {first!r} and {spelling!r} are the project "
                    f"{_list(matches)}, listed under {former!r} and {customer!r}; list it under "
                    "one of them"
                )
    customers = {}
    for project_id, spelling in spellings.items():
        name = customer_names[spelling]
        customers[project_id] = Origin("file", name), name
    return customers


def _ambiguous_exclusions(
    projects: Sequence[KeystoneProject], names: ProjectNames, settings: Settings
) -> list[str]:
    """Return a sentence for each name in exclude_projects that is ambiguous, and so ignored."""
    ids = {project.id for project in projects}
    sentences = []
    for spelling in settings.exclude_projects:
        matches = names.matches(spelling, ids)
        if len(matches) > 1:
            sentences.append(
                f"exclude_projects: {spelling!r} is ambiguous and excludes no project: "
                f"{_list(matches)}; {QUALIFY}"
            )
    return sentences


def _ambiguous_names(
    names: ProjectNames, ids: Collection[str], spellings: Iterable[str], settings: Settings
) -> list[str]:
    """Return a sentence for each name in the file that several projects have."""
    sentences = []
    for spelling in spellings:
        if names.exact_matches(spelling) or not names.matches(spelling, ids):
            continue
        namesakes = names.namesakes(spelling, ids)
        if len(namesakes) > 1:
            sentences.append(
                f"{_file_option(settings)}: {spelling!r} means the project in the default domain "
                f"among {_list(namesakes)}; {QUALIFY}"
            )
    return sentences


def list_unused_names(projects: Sequence[KeystoneProject], settings: Settings) -> list[str]:
    """Return a sentence for each name in a setting that matches no project or domain.

    The default values of settings are not reported.
    """
    names = ProjectNames(projects, settings.default_domains)
    ids = {project.id for project in projects}
    unmatched = {text for text in settings.exclude_projects if not names.matches(text, ids)}
    unused = {
        "exclude_projects": ("project", unmatched),
        "exclude_domains": ("domain of a project", {*settings.exclude_domains} - names.domains),
        "default_domains": ("domain of a project", {*settings.default_domains} - names.domains),
    }
    sentences = []
    for setting, (kind, missing) in unused.items():
        usual = getattr(Settings(), setting)
        unknown = sorted(missing - set(usual))
        sentences += [f"{setting}: this cloud has no {kind} {name!r}" for name in unknown]
    return sentences


def _file_option(settings: Settings) -> str:
    return f"[clouds] customer_file {settings.customer_file!r}"


def _list(projects: Iterable[KeystoneProject]) -> str:
    return ", ".join(sorted(f"{p.domain_name}/{p.name} ({p.id})" for p in projects))
