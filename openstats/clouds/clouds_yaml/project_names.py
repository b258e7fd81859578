"""Which projects a text in a setting matches: an id, DOMAIN/NAME, or a name alone.

An id goes before DOMAIN/NAME, and that before a name: whoever may name a project or a domain must
not take the place of another by it. Who the customer of a project is does not live here.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence

from openstats.model import KeystoneProject

ID = re.compile("[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
"""What Keystone makes as an id: it may be one of another Keystone, or of what was deleted."""


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
        """Return the names of a project's domain: its id, its name, and for Default ``default``."""
        name = project.domain_name
        if name == "Default":
            return {project.domain_id, name, "default"}
        is_id = name in self._domain_ids or ID.fullmatch(name)
        return {project.domain_id} if is_id else {project.domain_id, name}

    @property
    def domains(self) -> set[str]:
        """The names of all domains of projects."""
        projects = self._by_id.values()
        return {domain for project in projects for domain in self._domains(project)}

    def is_in(self, project: KeystoneProject, domains: Collection[str]) -> bool:
        """Return whether a project is in one of these domains."""
        return not self._domains(project).isdisjoint(domains)

    def is_in_default(self, project: KeystoneProject) -> bool:
        """Return whether a project is in one of the default domains."""
        return self.is_in(project, self._default_domains)

    def exact_matches(self, spelling: str) -> list[KeystoneProject]:
        """Return the project of an id, or the projects of DOMAIN/NAME: usually one."""
        if spelling in self._by_id:
            return [self._by_id[spelling]]
        return self._by_path.get(spelling, [])

    def namesakes(self, name: str, ids: Collection[str]) -> list[KeystoneProject]:
        """Return the projects, among these ids, that have a name."""
        return [project for project in self._by_name.get(name, ()) if project.id in ids]

    def matches(self, spelling: str, ids: Collection[str]) -> list[KeystoneProject]:
        """Return the projects, among these ids, that a text may mean.

        A name alone means the projects in the default domains, or else all of that name. A text
        that looks like an id, or like DOMAIN/NAME, means no namesake in another domain.
        """
        exact = self.exact_matches(spelling)
        if exact:
            return [project for project in exact if project.id in ids]
        namesakes = self.namesakes(spelling, ids)
        usual = [project for project in namesakes if self.is_in_default(project)]
        return usual if "/" in spelling or ID.fullmatch(spelling) else usual or namesakes
