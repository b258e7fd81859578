"""The file clouds.yaml: which one it is, and openstacksdk's reading of it.

What an entry in it means is for ``entries``.
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
    """There is no clouds.yaml."""


@contextmanager
def translated(title: str) -> Iterator[None]:
    """Raise whatever openstacksdk raises of a configuration as a ConfigError about ``title``."""
    import keystoneauth1.exceptions  # noqa: PLC0415
    import openstack.exceptions  # noqa: PLC0415

    library_errors = openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException
    try:
        yield
    except (*library_errors, OSError, TypeError, AttributeError, LookupError, ValueError) as error:
        raise ConfigError(f"{title} cannot be used: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    """Return the words of an error in one line; a LookupError has only a key."""
    words = f"no value for {error}" if isinstance(error, LookupError) else str(error)
    return " ".join(words.split())


def read(file: str = "") -> Any:
    """Return openstacksdk's OpenStackConfig of ``file``, or else of the file that it looks for.

    Raises:
        ConfigError: the file is missing, cannot be read, or holds no clouds; nothing configured.
    """
    # The import takes half a second, and the API seldom needs it.
    import openstack.config  # noqa: PLC0415

    fault = _fault_of_named(file) if file else _fault_of_default(openstack.config.loader)
    try:
        with translated(file or "clouds.yaml"):
            config = openstack.config.OpenStackConfig(**(_only(file) if file else {}))
            _drop_options(config)
    except ConfigError as error:
        raise ConfigError(fault or str(error)) from error
    if not entries(config):
        raise ConfigError(fault) if fault else NoCloudError(NONE)
    return config


def entries(config: Any) -> dict[str, Any]:
    """Return the keys of the entries by their names: YAML may take a name for a number."""
    return {str(key): key for key in config.cloud_config["clouds"] if key != NO_ENTRY}


def repeated_keys(config: Any) -> dict[str, str]:
    """Return which key is repeated, by entry, in the file that ``config`` was read from."""
    try:
        text = Path(config.config_filename).read_text(encoding="utf-8")
        return keys.find_repeated(text)
    except (OSError, TypeError, ValueError, yaml.YAMLError):
        # There is no file, or it was changed a moment ago.
        return {}


def _only(file: str) -> dict[str, Any]:
    """Return arguments that make openstacksdk read this file, and a secure.yaml beside it."""
    beside = str(Path(file).with_name("secure.yaml"))
    secure = [path for path in (os.environ.get("OS_CLIENT_SECURE_FILE"), beside) if path]
    return {"config_files": [file], "secure_files": secure, "load_envvars": False}


def _drop_options(config: Any) -> None:
    """Remove the cloud that openstacksdk makes of any variable OS_*, such as oslo.config's."""
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


def _fault_of_default(loader: Any) -> str | None:
    """Return what is wrong with the first file that openstacksdk does not skip; None: nothing.

    Raises:
        ConfigError: it would skip every one, or the one that OS_CLIENT_CONFIG_FILE names.
    """
    variable = os.environ.get("OS_CLIENT_CONFIG_FILE")
    skipped: list[str] = []
    for path in _existing([*([variable] if variable else []), *loader.CONFIG_FILES]):
        fault, is_skipped = _fault(path)
        if not is_skipped:
            for reason in skipped:
                LOG.warning("%s; the next file is taken", reason)
            return fault
        if path == variable:
            raise ConfigError(str(fault))
        skipped.append(str(fault))
    if skipped:
        raise ConfigError("; ".join(skipped))
    return None


def _existing(paths: Sequence[str]) -> list[str]:
    return [path for path in paths if os.path.exists(path)]


def _fault(path: str) -> tuple[str | None, bool]:
    """Return what is wrong with a file, and whether nothing at all can be read in it."""
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or error
        return f"{path} cannot be read: {reason}; let the user that runs openstats read it", True
    except (yaml.YAMLError, ValueError) as error:
        return f"{path} is no YAML: {_position(error)}", True
    if not isinstance(document, dict) or "clouds" not in document:
        return f"{path} has no key 'clouds': write the entries of clouds below 'clouds:'", False
    clouds = document["clouds"]
    if not isinstance(clouds, dict):
        kind = "nothing" if clouds is None else f"a {type(clouds).__name__}"
        return f"{path}: below 'clouds:' stand the entries by their names, not {kind}", False
    return None, False


def _position(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return _one_line(error)
    hint = "; indent with spaces, not with tabs" if "\\t" in str(error) else ""
    problem = getattr(error, "problem", None) or "it cannot be read"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}{hint}"
