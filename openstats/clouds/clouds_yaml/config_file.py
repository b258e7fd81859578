"""Finding clouds.yaml, and reading it with openstacksdk.

The entries are interpreted in ``entries``.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from oslo_log import log

from openstats.clouds.clouds_yaml import keys
from openstats.errors import ConfigError

if TYPE_CHECKING:
    from openstack.config.loader import OpenStackConfig

LOG = log.getLogger(__name__)

DEFAULTS_KEY = "defaults"
"""The name that openstacksdk gives to its defaults, which are not a cloud."""

NO_CLOUD_MESSAGE = (
    "No cloud configured: create a clouds.yaml, name it in [clouds] file, or set "
    "OS_CLIENT_CONFIG_FILE"
)

CLOUD_VARIABLES = ("OS_AUTH_URL", "OS_PROFILE")
"""The environment describes a cloud if one of these is set; OS_API__PORT is only an option."""


class NoCloudError(ConfigError):
    """No cloud is configured."""


@contextmanager
def translated(title: str) -> Iterator[None]:
    """Translate exceptions of openstacksdk in the block into a ConfigError about ``title``."""
    import keystoneauth1.exceptions  # noqa: PLC0415
    import openstack.exceptions  # noqa: PLC0415

    library_errors = openstack.exceptions.SDKException, keystoneauth1.exceptions.ClientException
    try:
        yield
    except (*library_errors, OSError, TypeError, AttributeError, LookupError, ValueError) as error:
        raise ConfigError(f"{title} cannot be used: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    """Return the message of an error in one line; add words to a LookupError's bare key."""
    words = f"no value for {error}" if isinstance(error, LookupError) else str(error)
    return " ".join(words.split())


def read(file: str = "") -> "OpenStackConfig":
    """Return openstacksdk's OpenStackConfig from ``file``, or else from its default locations.

    Raises:
        NoCloudError: no cloud is configured.
        ConfigError: the file is missing, cannot be read, or has no clouds.
    """
    # The import takes half a second, and the API rarely needs it.
    import openstack.config  # noqa: PLC0415

    default_files = openstack.config.loader.CONFIG_FILES
    fault = _fault_of_named(file) if file else _fault_of_default(default_files)
    try:
        with translated(file or "clouds.yaml"):
            config = openstack.config.OpenStackConfig(**(_only(file) if file else {}))
            _drop_options(config)
    except ConfigError as error:
        raise ConfigError(fault or str(error)) from error
    if not entries(config):
        raise ConfigError(fault) if fault else NoCloudError(NO_CLOUD_MESSAGE)
    return config


def entries(config: "OpenStackConfig") -> dict[str, Any]:
    """Return the YAML keys of the entries by name: YAML may read a name as a number."""
    return {str(key): key for key in config.cloud_config["clouds"] if key != DEFAULTS_KEY}


def repeated_keys(config: "OpenStackConfig") -> dict[str, str]:
    """Return a fault for each entry with repeated keys in the file of ``config``, by name."""
    try:
        text = Path(config.config_filename or "").read_text(encoding="utf-8")
        return keys.find_repeated(text)
    except (OSError, TypeError, ValueError, yaml.YAMLError):
        # There is no file, or it has just been changed.
        return {}


def _only(file: str) -> dict[str, Any]:
    """Return arguments that make openstacksdk read only this file and a secure.yaml beside it.

    ``OS_CLIENT_SECURE_FILE`` applies too.
    """
    beside = str(Path(file).with_name("secure.yaml"))
    secure = [path for path in (os.environ.get("OS_CLIENT_SECURE_FILE"), beside) if path]
    return {"config_files": [file], "secure_files": secure, "load_envvars": False}


def _drop_options(config: "OpenStackConfig") -> None:
    """Remove the cloud that openstacksdk creates from OS_* variables that are only options."""
    clouds, environment = config.cloud_config["clouds"], config.envvar_key
    if environment in clouds and not any(os.environ.get(name) for name in CLOUD_VARIABLES):
        del clouds[environment]


def _fault_of_named(file: str) -> str | None:
    """Return the fault of the file in ``[clouds] file`` that does not prevent reading; None: none.

    Raises:
        ConfigError: the file does not exist, or cannot be read.
    """
    if not Path(file).is_file():
        raise ConfigError(f"[clouds] file = {file}: no such file: create it, or correct the option")
    fault, is_fatal = _fault(file)
    if fault and is_fatal:
        raise ConfigError(fault)
    return fault


def _fault_of_default(default_files: Sequence[str]) -> str | None:
    """Return the fault of the first file that openstacksdk does not skip; None if it has none.

    Raises:
        ConfigError: openstacksdk would skip every file, or the one in OS_CLIENT_CONFIG_FILE.
    """
    variable = os.environ.get("OS_CLIENT_CONFIG_FILE")
    skipped: list[str] = []
    for path in _existing([*([variable] if variable else []), *default_files]):
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
    """Return the fault of a file (None if it has none), and whether it cannot be parsed at all."""
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or error
        return (
            f"{path} cannot be read: {reason}: make it readable for the user that runs openstats",
            True,
        )
    except (yaml.YAMLError, ValueError) as error:
        return f"{path} is not valid YAML: {_position(error)}", True
    if not isinstance(document, dict) or "clouds" not in document:
        return f"{path} has no key 'clouds': it must hold the entries by name", False
    clouds = document["clouds"]
    if not isinstance(clouds, dict):
        kind = "nothing" if clouds is None else f"a {type(clouds).__name__}"
        return f"{path}: 'clouds' must be a mapping of names to entries, not {kind}", False
    return None, False


def _position(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return _one_line(error)
    hint = "; indent with spaces, not with tabs" if "\\t" in str(error) else ""
    problem = getattr(error, "problem", None) or "it cannot be read"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}{hint}"
