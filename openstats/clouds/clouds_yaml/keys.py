"""Keys of an entry of clouds.yaml: misspelt, repeated, or with a value that finds no endpoint."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import yaml

LIKELY = 0.75
"""How alike two names are, of 1, when one is taken for the other."""

KEYS = (
    *("auth", "auth_type", "profile", "cloud", "regions", "region_name", "interface", "openstats"),
    *("endpoint_type", "verify", "insecure", "cacert", "cert", "key", "api_timeout", "networks"),
    *("identity_api_version", "volume_api_version", "floating_ip_source", "image_format"),
    *("secgroup_source", "status", "message", "vendor_hook", "force_ipv4", "private", "cache"),
    *("external_network", "internal_network", "nat_source", "routes_externally", "client"),
    *("auth_methods", "metrics", "rate_limit", "concurrency", "password_callback"),
)
"""What openstacksdk reads of an entry; of others it says nothing."""

OF_SERVICES = (
    *("_api_version", "_endpoint", "_endpoint_override", "_interface", "_region_name"),
    *("_service_name", "_service_type", "_default_microversion", "_max_version", "_min_version"),
    *("_status_code_retries", "_status_code_retry_delay", "_connect_retries", "_timeout"),
)
"""Ends of keys that begin with the name of a service."""

INTERFACES = ("public", "internal", "admin")


def close_to(name: str, names: Iterable[str]) -> str:
    """Return the question whether another name is meant; empty where none is alike."""
    likely = get_close_matches(name, list(names), 1, LIKELY)
    return f"did you mean {likely[0]}?" if likely else ""


def misspelt(written: Mapping[Any, Any], plugin: Iterable[str]) -> str | None:
    """Return which key of an entry is misspelt; ``plugin`` are names that auth may hold as well.

    Keys that are like none of openstacksdk's belong to other programs.
    """
    known = {*KEYS, *plugin}
    for key in map(str, written):
        if key in known or key.endswith(OF_SERVICES):
            continue
        if meant := close_to(key, KEYS):
            return f"it takes no {key}: {meant}"
    return None


def wrong_interface(config: Mapping[str, Any]) -> str | None:
    """Return which key names an interface that catalogs do not have."""
    for key, value in config.items():
        if key != "interface" and not key.endswith("_interface"):
            continue
        for each in value if isinstance(value, list) else [value]:
            if each is not None and str(each).removesuffix("URL") not in INTERFACES:
                return f"{key} must be one of {', '.join(INTERFACES)}, not {each}"
    return None


def repeated(text: str) -> dict[str, str]:
    """Return, by the names of entries, which key stands in one, or is one, more than once."""
    node = yaml.compose(text, yaml.SafeLoader)
    clouds = _child(node, "clouds")
    faults = {
        key.value: f"holds the key {again.value} twice (lines {first} and {_line(again)})"
        for key, entry in _pairs(clouds)
        for again, first in _again(entry)
    }
    for again, first in _again(clouds, deep=False):
        faults[again.value] = f"is there twice (lines {first} and {_line(again)})"
    return faults


def _child(node: Any, name: str) -> Any:
    return next((value for key, value in _pairs(node) if key.value == name), None)


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _again(node: Any, *, deep: bool = True) -> Iterator[tuple[Any, int]]:
    """Yield the keys that stand in a mapping again, with the line of the first."""
    seen: dict[Any, int] = {}
    for key, value in _pairs(node):
        if isinstance(key, yaml.ScalarNode) and key.value in seen:
            yield key, seen[key.value]
        if isinstance(key, yaml.ScalarNode):
            seen[key.value] = _line(key)
        if deep:
            yield from _again(value)


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
