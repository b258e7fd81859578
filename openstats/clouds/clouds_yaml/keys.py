"""Faults of the keys in clouds.yaml: misspelt and repeated keys, and unknown interfaces."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import yaml

from openstats.errors import must_be

YamlMapping = Mapping[str, Any]
"""An entry, or a part of one."""

MIN_SIMILARITY = 0.75
"""The similarity (0 to 1) from which one name is a suggestion for another."""

KNOWN_KEYS = (
    *("auth", "auth_type", "profile", "cloud", "regions", "region_name", "interface", "openstats"),
    *("endpoint_type", "verify", "insecure", "cacert", "cert", "key", "api_timeout", "networks"),
    *("identity_api_version", "volume_api_version", "floating_ip_source", "image_format"),
    *("secgroup_source", "status", "message", "vendor_hook", "force_ipv4", "private", "cache"),
    *("external_network", "internal_network", "nat_source", "routes_externally", "client"),
    *("auth_methods", "metrics", "rate_limit", "concurrency", "password_callback"),
)
"""The keys of an entry that openstacksdk reads; it silently ignores others."""

SERVICE_SUFFIXES = (
    *("_api_version", "_endpoint", "_endpoint_override", "_interface", "_region_name"),
    *("_service_name", "_service_type", "_default_microversion", "_max_version", "_min_version"),
    *("_status_code_retries", "_status_code_retry_delay", "_connect_retries", "_timeout"),
)
"""The suffixes of keys that begin with the name of a service."""

INTERFACES = ("public", "internal", "admin")


def suggest(name: str, names: Iterable[str]) -> str:
    """Return a question with the most similar name; empty if no name is similar."""
    likely = get_close_matches(name, list(names), 1, MIN_SIMILARITY)
    return f"did you mean {likely[0]}?" if likely else ""


def find_misspelt(entry: YamlMapping, options: Iterable[str]) -> str | None:
    """Return a sentence on a misspelt key of an entry; None if there is none.

    ``options`` are correct names too. Keys that are not similar to any key of openstacksdk belong
    to other programs.
    """
    correct = {*KNOWN_KEYS, *options}
    for key in map(str, entry):
        if key in correct or key.endswith(SERVICE_SUFFIXES):
            continue
        if suggestion := suggest(key, KNOWN_KEYS):
            return f"unknown key {key}: {suggestion}"
    return None


def find_wrong_interface(entry: YamlMapping) -> str | None:
    """Return a sentence on a key with an unknown interface; None if there is none."""
    for key, value in entry.items():
        if key != "interface" and not key.endswith("_interface"):
            continue
        for interface in value if isinstance(value, list) else [value]:
            if interface is not None and str(interface).removesuffix("URL") not in INTERFACES:
                return f"{key} {must_be(INTERFACES)}, not {interface}"
    return None


def find_repeated(text: str) -> dict[str, str]:
    """Return a fault for each entry that has a repeated key, or that is repeated, by its name."""
    clouds = _child(yaml.compose(text, yaml.SafeLoader), "clouds")
    faults: dict[str, str] = {}
    for name, entry in _pairs(clouds):
        for key, first in _repeated_keys(entry, deep=True):
            lines = f"lines {first} and {_line(key)}"
            faults[name.value] = f"holds the key {key.value} twice ({lines})"
    for name, first in _repeated_keys(clouds, deep=False):
        faults[name.value] = f"is there twice (lines {first} and {_line(name)})"
    return faults


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    return next((value for key, value in _pairs(node) if key.value == name), None)


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _repeated_keys(node: yaml.Node | None, *, deep: bool) -> Iterator[tuple[yaml.Node, int]]:
    """Yield the repeated keys of a mapping, each with the line of the occurrence before."""
    lines: dict[str, int] = {}
    for key, value in _pairs(node):
        if isinstance(key, yaml.ScalarNode) and key.value in lines:
            yield key, lines[key.value]
        if isinstance(key, yaml.ScalarNode):
            lines[key.value] = _line(key)
        if deep:
            yield from _repeated_keys(value, deep=True)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
