"""What can be wrong with the credential of an entry before anybody signs in with it.

openstacksdk checks little: a misspelt key is a TypeError, a missing password a 401.
"""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from keystoneauth1 import loading
from keystoneauth1.exceptions import NoMatchingPlugin

from openstats.errors import ConfigError

UNUSABLE = "cannot be used"
CREDENTIAL = "v3applicationcredential"
CERTIFICATE = "-----BEGIN"
PASSWORD_TYPES = ("password", "v3password", "v2password")
NOTHING = ("none", "None", None, "")
SECRET_WORDS = ("pas", "secret", "token")
FILES = ("cacert", "cert", "key")
"""Keys of an entry that name files."""


def auth_fault(config: Mapping[str, Any]) -> str | None:
    """Return what is wrong with ``auth`` and ``auth_type`` of an entry; None: nothing is seen."""
    auth_type, auth = config.get("auth_type", "password"), config.get("auth")
    if auth_type in NOTHING:
        return f"{UNUSABLE}: auth_type {auth_type} signs in nowhere: use password or {CREDENTIAL}"
    if not isinstance(auth, Mapping):
        kind = type(auth).__name__
        held = "has no auth" if auth is None else f"{UNUSABLE}: auth is a {kind}"
        return f"{held}: it must hold auth_url and a credential"
    if not (auth.get("auth_url") or config.get("auth_url") or config.get("profile")):
        return "has no auth_url: write it below auth"
    names = option_names(auth_type)
    if not names:
        return f"{UNUSABLE}: there is no auth_type {auth_type}: use password, or {CREDENTIAL}"
    if auth_type == "password" and any(str(key).startswith("application_cred") for key in auth):
        return f"{UNUSABLE}: an application credential needs auth_type: {CREDENTIAL}"
    return _unknown(auth_type, auth, names)


def option_names(auth_type: Any) -> set[str]:
    """Return what a way to sign in takes; nothing of one that there is not."""
    try:
        options = loading.get_plugin_loader(auth_type).get_options()
    except (NoMatchingPlugin, TypeError):
        return set()
    names = {option.dest for option in options}
    return names | {each.name.replace("-", "_") for o in options for each in (o, *o.deprecated)}


def _unknown(auth_type: str, auth: Mapping[str, Any], names: set[str]) -> str | None:
    """Return which key of ``auth`` is none, and which was probably meant; never its value."""
    for key in sorted(set(map(str, auth)) - names):
        likely = get_close_matches(key, names, 1)
        meant = f"did you mean {likely[0]}?" if likely else f"it takes {', '.join(sorted(names))}"
        return f"{UNUSABLE}: auth of type {auth_type} takes no {key}: {meant}"
    return None


def check(name: str, config: Mapping[str, Any]) -> None:
    """Check what only somebody who signs in needs: a password, and files of certificates.

    Raises:
        ConfigError: it is missing.
    """
    where = f"the entry {name} of clouds.yaml"
    if config.get("auth_type") in PASSWORD_TYPES and not config["auth"].get("password"):
        raise ConfigError(f"{where} has no password: write it below auth, or into secure.yaml")
    for key in FILES:
        if value := config.get(key):
            _check_file(f"{where}: {key}", str(value))


def masked(reason: str, written: Any) -> str:
    """Return a reason without the values that an entry has: libraries print what they refuse."""
    secrets = sorted(_leaves(written), key=len, reverse=True)
    for secret in secrets:
        reason = reason.replace(secret, "***")
    return reason


def _leaves(written: Any, key: str = "") -> Iterator[str]:
    """Yield the texts that stand below keys that are named like secrets."""
    if isinstance(written, Mapping):
        for name, value in written.items():
            yield from _leaves(value, str(name))
    elif isinstance(written, list):
        for value in written:
            yield from _leaves(value, key)
    elif isinstance(written, str) and written and any(word in key for word in SECRET_WORDS):
        yield written


def _check_file(what: str, value: str) -> None:
    if CERTIFICATE in value:
        raise ConfigError(f"{what} holds a certificate: write it to a file, and name that file")
    path = os.path.expanduser(value)
    if not os.path.exists(path):
        raise ConfigError(f"{what}: there is no file {value}: name a file in PEM format")
    if not os.access(path, os.R_OK):
        raise ConfigError(f"{what}: {value} cannot be read by the user that runs openstats")
