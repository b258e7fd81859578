"""What discovery finds in a Keystone: projects, and the customers and groups that it derives.

Plain, frozen values, as in ``model``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeystoneProject:
    """A project as Keystone reports it, with the names that discovery derives customers from."""

    id: str
    name: str
    domain_id: str
    domain_name: str
    parent_id: str | None
    enabled: bool
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """The identity of a discovered object across discoveries: a Keystone and a key in it."""

    keystone: str
    key: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """The customer, if any, and the names of the groups that discovery assigns a project to."""

    project: KeystoneProject
    customer: Origin | None
    customer_name: str = ""
    groups: frozenset[str] = frozenset()
