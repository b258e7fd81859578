"""The file clouds.yaml: which one it is, and openstacksdk's reading of it.

What an entry in it means is for entry.py.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from oslo_log import log

from openstats.clouds.clouds_yaml import keys
from openstats.errors import ConfigError

LOG = log.getLogger(__name__)

NO_ENTRY = "defaults"
"""What openstacksdk calls the settings of no cloud."""

NONE = (
    "No cloud configured: write a clouds.yaml, name it with [clouds] file, or set "
    "OS_CLIENT_CONFIG_FILE"
)

CLOUD_VARIABLES = ("OS_AUTH_URL", "OS_PROFILE")
"""One of these makes the environment a cloud; OS_API__PORT and other options do not."""


class NoCloudError(ConfigError):
    """Nobody wrote a clouds.yaml."""


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turn whatever openstacksdk raises of a configuration into a ConfigError about ``what``."""
    import keystoneauth1.exceptions  # noqa: PLC0415
    import openstack.exceptions  # noqa: PLC0415

    raised = openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException
    try:
        yield
    except (*raised, OSError, TypeError, AttributeError, LookupError, ValueError) as error:
        raise ConfigError(f"{what} cannot be used: {_sentence(error)}") from error


def _sentence(error: Exception) -> str:
    """Return an error's words in one line; a LookupError's are only a key."""
    words = f"no value for {error}" if isinstance(error, LookupError) else str(error)
    return " ".join(words.split())


def read(file: str = "") -> Any:
    """Return openstacksdk's OpenStackConfig of ``file``, or else of the file that it looks for.

    Raises:
        ConfigError: the file is missing, cannot be read, or holds no clouds; nothing configured.
    """
    # Half a second that the API seldom needs.
    import openstack.config  # noqa: PLC0415

    fault = _fault_of_named(file) if file else _fault_of_sought(openstack.config.loader)
    try:
        with readable(file or "clouds.yaml"):
            config = openstack.config.OpenStackConfig(**(_only(file) if file else {}))
            _drop_options(config)
    except ConfigError as error:
        raise ConfigError(fault or str(error)) from error
    if not entries(config):
        raise ConfigError(fault) if fault else NoCloudError(NONE)
    return config


def entries(config: Any) -> dict[str, Any]:
    """Return the keys of the entries by their names, which YAML may take for numbers."""
    return {str(key): key for key in config.cloud_config["clouds"] if key != NO_ENTRY}


def repeated_keys(config: Any) -> dict[str, str]:
    """Return which key is repeated, by the entry of the file that ``config`` was read from."""
    try:
        text = Path(config.config_filename).read_text(encoding="utf-8")
        return keys.repeated(text)
    except (OSError, TypeError, ValueError, yaml.YAMLError):
        # There is no file, or it was changed a moment ago.
        return {}


def _only(file: str) -> dict[str, Any]:
    """Return arguments that make openstacksdk read this file, and a secure.yaml beside it."""
    beside = str(Path(file).with_name("secure.yaml"))
    secure = [path for path in (os.environ.get("OS_CLIENT_SECURE_FILE"), beside) if path]
    return {"config_files": [file], "secure_files": secure, "load_envvars": False}


def _drop_options(config: Any) -> None:
    """Take away the cloud that openstacksdk makes of any variable OS_*, oslo.config's as well."""
    clouds, environment = config.cloud_config["clouds"], config.envvar_key
    if environment in clouds and not any(os.environ.get(name) for name in CLOUD_VARIABLES):
        del clouds[environment]


def _fault_of_named(file: str) -> str | None:
    """Return what is wrong with the file that an option names.

    Raises:
        ConfigError: there is nothing to go on with.
    """
    if not Path(file).is_file():
        raise ConfigError(f"[clouds] file names {file}, which is no file: create it, or correct it")
    fault, is_fatal = _fault(file)
    if fault and is_fatal:
        raise ConfigError(fault)
    return fault


def _fault_of_sought(loader: Any) -> str | None:
    """Return what is wrong with the first file that openstacksdk does not skip; None: nothing.

    Raises:
        ConfigError: it would skip every one, or the one that OS_CLIENT_CONFIG_FILE names.
    """
    variable = os.environ.get("OS_CLIENT_CONFIG_FILE")
    skipped: list[str] = []
    for path in _existing([*([variable] if variable else []), *loader.CONFIG_FILES]):
        fault, is_skipped = _fault(path)
        if not is_skipped:
            return _warned(skipped, fault)
        if path == variable:
            raise ConfigError(str(fault))
        skipped.append(str(fault))
    if skipped:
        raise ConfigError("; ".join(skipped))
    return None


def _existing(paths: Sequence[str]) -> list[str]:
    return [path for path in paths if os.path.exists(path)]


def _warned(skipped: Sequence[str], fault: str | None) -> str | None:
    for each in skipped:
        LOG.warning("%s; the next file is taken", each)
    return fault


def _fault(path: str) -> tuple[str | None, bool]:
    """Return what is wrong with a file, and whether nothing at all can be read in it."""
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or error
        return f"{path} cannot be read: {reason}; let the user that runs openstats read it", True
    except (yaml.YAMLError, ValueError) as error:
        return f"{path} is no YAML: {_where(error)}", True
    if not isinstance(document, dict) or "clouds" not in document:
        return f"{path} has no key 'clouds': write the entries of clouds below 'clouds:'", False
    clouds = document["clouds"]
    if not isinstance(clouds, dict):
        kind = "nothing" if clouds is None else f"a {type(clouds).__name__}"
        return f"{path}: below 'clouds:' stand the entries by their names, not {kind}", False
    return None, False


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return _sentence(error)
    hint = "; indent with spaces, not with tabs" if "\\t" in str(error) else ""
    problem = getattr(error, "problem", None) or "it cannot be read"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}{hint}"
