"""Matching a string in a setting with projects: an id, DOMAIN/NAME, or a name alone.

An id takes precedence over DOMAIN/NAME, and that over a name. Otherwise, users who may name a
project or a domain could impersonate another one. ``customer_rules`` assigns the customers.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence

from openstats.discovery import KeystoneProject

ID_FORMAT = re.compile("[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
"""The format of Keystone's ids; an id may belong to another Keystone, or be deleted."""


class ProjectNames:
    """The projects of a Keystone by their ids, paths (DOMAIN/NAME) and names."""

    def __init__(
        self, projects: Sequence[KeystoneProject], default_domains: Collection[str]
    ) -> None:
        self._default_domains = default_domains
        self._domain_ids = {project.domain_id for project in projects}
        self._by_id = {project.id: project for project in projects}
        self._by_path: defaultdict[str, list[KeystoneProject]] = defaultdict(list)
        self._by_name: defaultdict[str, list[KeystoneProject]] = defaultdict(list)
        for project in projects:
            self._by_name[project.name].append(project)
            for domain in self._domains(project):
                self._by_path[f"{domain}/{project.name}"].append(project)

    def _domains(self, project: KeystoneProject) -> set[str]:
        """Return the spellings of a project's domain: id, name, and ``default`` for Default.

        A name that looks like an id, or is the id of another domain, does not count.
        """
        name = project.domain_name
        if name == "Default":
            return {project.domain_id, name, "default"}
        is_id = name in self._domain_ids or ID_FORMAT.fullmatch(name)
        return {project.domain_id} if is_id else {project.domain_id, name}

    @property
    def domains(self) -> set[str]:
        """The spellings of all domains of projects."""
        projects = self._by_id.values()
        return {domain for project in projects for domain in self._domains(project)}

    def is_in(self, project: KeystoneProject, domains: Collection[str]) -> bool:
        """Return whether a project is in one of ``domains``, by any spelling."""
        return not self._domains(project).isdisjoint(domains)

    def is_in_default(self, project: KeystoneProject) -> bool:
        """Return whether a project is in one of the default domains."""
        return self.is_in(project, self._default_domains)

    def exact_matches(self, spelling: str) -> list[KeystoneProject]:
        """Return the project with an id, or the projects at DOMAIN/NAME, usually one."""
        if spelling in self._by_id:
            return [self._by_id[spelling]]
        return self._by_path.get(spelling, [])

    def namesakes(self, name: str, ids: Collection[str]) -> list[KeystoneProject]:
        """Return the projects among ``ids`` that have a name."""
        return [project for project in self._by_name.get(name, ()) if project.id in ids]

    def matches(self, spelling: str, ids: Collection[str]) -> list[KeystoneProject]:
        """Return the projects among ``ids`` that a string may mean.

        A name alone means the projects in the default domains, or else all of that name. A string
        that looks like an id, or has a slash, matches no names outside the default domains.
        """
        exact = self.exact_matches(spelling)
        if exact:
            return [project for project in exact if project.id in ids]
        namesakes = self.namesakes(spelling, ids)
        usual = [project for project in namesakes if self.is_in_default(project)]
        return usual if "/" in spelling or ID_FORMAT.fullmatch(spelling) else usual or namesakes
