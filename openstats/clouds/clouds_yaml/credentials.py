"""Faults of an entry's credential that can be found before a sign-in.

openstacksdk checks little: a misspelt key causes a TypeError, a missing password a 401.
"""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from keystoneauth1 import loading
from keystoneauth1.exceptions import NoMatchingPlugin

from openstats.clouds.clouds_yaml.keys import YamlMapping
from openstats.errors import ConfigError, must_be

UNUSABLE = "cannot be used"
APPLICATION_CREDENTIAL = "v3applicationcredential"
AUTH_TYPE_ADVICE = f"use password or {APPLICATION_CREDENTIAL}"
PEM_BEGINNING = "-----BEGIN"
PASSWORD_TYPES = ("password", "v3password", "v2password")
NO_AUTH_TYPES = ("none", "None", None, "")
SECRET_WORDS = ("pas", "secret", "token")
FILE_KEYS = ("cacert", "cert", "key")
"""The keys of an entry whose values are file names."""


def find_fault(config: YamlMapping) -> str | None:
    """Return the fault of ``auth`` and ``auth_type`` of an entry; None if there is none."""
    auth_type, auth = config.get("auth_type", "password"), config.get("auth")
    if auth_type in NO_AUTH_TYPES:
        return f"{UNUSABLE}: auth_type {auth_type} does not sign in: {AUTH_TYPE_ADVICE}"
    if not isinstance(auth, Mapping):
        return _fault_of_malformed(auth)
    if not (auth.get("auth_url") or config.get("auth_url") or config.get("profile")):
        return "has no auth_url: write it below auth"
    names = option_names(auth_type)
    if not names:
        return f"{UNUSABLE}: unknown auth_type {auth_type}: {AUTH_TYPE_ADVICE}"
    if auth_type == "password" and any(str(key).startswith("application_cred") for key in auth):
        return f"{UNUSABLE}: an application credential needs auth_type: {APPLICATION_CREDENTIAL}"
    return _unknown_key(auth_type, auth, names)


def _fault_of_malformed(auth: object) -> str:
    if auth is None:
        return "has no auth: write auth_url and a credential below it"
    kind = type(auth).__name__
    return f"{UNUSABLE}: auth must be a mapping with auth_url and a credential, not a {kind}"


def option_names(auth_type: str) -> set[str]:
    """Return the names of the options of an auth_type; none for an unknown type."""
    try:
        options = loading.get_plugin_loader(auth_type).get_options()
    except (NoMatchingPlugin, TypeError):
        return set()
    names = set()
    for option in options:
        spellings = [option, *option.deprecated]
        names |= {option.dest, *(spelling.name.replace("-", "_") for spelling in spellings)}
    return names


def _unknown_key(auth_type: str, auth: YamlMapping, names: set[str]) -> str | None:
    """Return a sentence on an unknown key of ``auth``, with a suggestion, but never its value.

    Return None if all keys are known.
    """
    for key in sorted(set(map(str, auth)) - names):
        likely = get_close_matches(key, names, 1)
        hint = f"did you mean {likely[0]}?" if likely else must_be(sorted(names))
        return f"{UNUSABLE}: unknown key {key} in auth of type {auth_type}: {hint}"
    return None


def check(name: str, config: YamlMapping) -> None:
    """Check what only a sign-in needs: a password, and certificate files.

    Raises:
        ConfigError: a password is missing, or a file is missing or cannot be read.
    """
    title = f"the entry {name} of clouds.yaml"
    if config.get("auth_type") in PASSWORD_TYPES and not config["auth"].get("password"):
        raise ConfigError(f"{title} has no password: write it below auth, or into secure.yaml")
    for key in FILE_KEYS:
        if value := config.get(key):
            _check_file(f"{title}: {key}", str(value))


def mask_secrets(reason: str, entry: object) -> str:
    """Return a message with the secrets of an entry masked: libraries show refused values."""
    for secret in sorted(_secrets(entry), key=len, reverse=True):
        reason = reason.replace(secret, "***")
    return reason


def _secrets(document: object, key: str = "") -> Iterator[str]:
    """Yield the strings under keys whose names suggest secrets."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from _secrets(value, str(name))
    elif isinstance(document, list):
        for value in document:
            yield from _secrets(value, key)
    elif isinstance(document, str) and document and any(word in key for word in SECRET_WORDS):
        yield document


def _check_file(title: str, value: str) -> None:
    if PEM_BEGINNING in value:
        raise ConfigError(
            f"{title} must be the name of a file, not a certificate: write it to a file"
        )
    path = os.path.expanduser(value)
    if not os.path.exists(path):
        raise ConfigError(f"{title} = {value}: no such file: must be a file in PEM format")
    if not os.access(path, os.R_OK):
        raise ConfigError(
            f"{title} = {value} cannot be read: make it readable for the user that runs openstats"
        )
