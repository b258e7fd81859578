"""Reads the file for ``customer_from = file``: the projects of each customer.

``project_names`` matches the spellings of projects with the projects of a Keystone.
"""

from collections.abc import Hashable, Mapping
from pathlib import Path

import yaml

from openstats.errors import ConfigError
from openstats.names import RULE, problem

WHERE = "set it in [clouds], or below openstats in the cloud's entry of clouds.yaml"


class _TextLoader(yaml.BaseLoader):
    """A loader that reads each scalar as a string (``no``, ``007``) and refuses repeated keys."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        keys: set[str] = set()
        for key, _ in node.value:
            if key.value in keys:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is repeated", key.start_mark
                )
            if isinstance(key.value, str):
                keys.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read(path: str) -> dict[str, str]:
    """Return the name of the customer of each project in the file, by the project's spelling.

    Raises:
        ConfigError: the file cannot be read, or is not a mapping of customers to projects.
    """
    if not path:
        raise ConfigError(f"customer_from = file requires customer_file, a YAML file: {WHERE}")
    try:
        loader = _TextLoader(Path(path).read_text(encoding="utf-8"))
        return _by_project(loader.get_single_data())
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"[clouds] customer_file {path!r} cannot be used: {reason}") from error


def _by_project(document: object) -> dict[str, str]:
    if not isinstance(document, Mapping):
        raise TypeError(
            "it must be a mapping of customers' names to lists of projects, such as "
            "'Acme: [web, shop]'"
        )
    customers: dict[str, str] = {}
    for customer, value in document.items():
        _check_name(customer)
        for project in _projects(customer, value):
            first = customers.setdefault(project, customer)
            if first != customer:
                raise ValueError(
                    f"the project {project!r} is listed under {first!r} and {customer!r}; list it "
                    "under one of them"
                )
    return customers


def _check_name(customer: str) -> None:
    if reason := problem(customer):
        raise ValueError(f"the name of the customer {customer[:40]!a}... has {reason}: {RULE}")


def _projects(customer: str, value: object) -> list[str]:
    """Return the projects of a customer; a string instead of a list is one project."""
    projects = [value] if isinstance(value, str) else value
    if not isinstance(projects, list) or not all(isinstance(p, str) and p for p in projects):
        raise TypeError(f"the projects of {customer!r} must be a list of names, not {value!r:.80}")
    return projects
