"""What is wrong in configuration files although every option that is read has a value.

Options that do not exist, mostly misspelt, and options that contradict one another.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from oslo_config import cfg

from openstats.conf import alerts

OWN = "openstats"
FOREIGN = {
    "DEFAULT": ("oslo.log",),
    "cors": ("openstats.cors",),
    "keystone_authtoken": ("openstats.credential", "keystonemiddleware.auth_token"),
    "oslo_middleware": ("oslo.middleware.http_proxy_to_wsgi",),
    "oslo_policy": ("oslo.policy",),
}
"""By group, the namespaces of oslo.config whose options it holds: those of the sample.

They are loaded only where a file has the group: their libraries are large.
"""

CREDENTIAL = "keystone_authtoken"
Names = dict[str, set[str]]


def problems(conf: Any) -> list[str]:
    """Return a sentence for each thing that is wrong in the configuration files of ``conf``."""
    sections = {path: _sections(path) for path in _files(conf)}
    known = _known(conf, {group for content in sections.values() for group in content})
    unknown = (
        f"{path}: {sentence}"
        for path, content in sections.items()
        for sentence in _unknown(content, known)
    )
    return [*unknown, *_receivers(conf), *_thresholds(conf)]


def warnings(conf: Any) -> list[str]:
    """Return a sentence for each thing that is allowed, and hardly meant."""
    return [
        f"[{alerts.PREFIX}{name}] has keystone = true and no role: every member of any project can "
        "add alerts to those that admins count. Set role to one that its senders have"
        for name, options in alerts.receivers(conf).items()
        if options.keystone and not options.role
    ]


def _files(conf: Any) -> list[str]:
    directories = conf.config_dir or []
    found = [*(conf.config_file or [])]
    found += [str(path) for name in directories for path in sorted(Path(name).glob("*.conf"))]
    return list(dict.fromkeys(found))


def _sections(path: str) -> Mapping[str, Mapping[str, Any]]:
    sections: dict[str, dict[str, Any]] = {}
    cfg.ConfigParser(path, sections).parse()
    return sections


def _known(conf: Any, used: set[str]) -> Names:
    """Return the names of options by group, of foreign groups only where they are used."""
    names: Names = {group: set() for group in FOREIGN}
    for namespace in (OWN, *(each for group in used for each in FOREIGN.get(group, ()))):
        for entry in entry_points(group="oslo.config.opts", name=namespace):
            for group, options in entry.load()():
                _add(names, str(group or "DEFAULT"), options)
    for receiver in conf.alerts.receivers:
        _add(names, f"{alerts.PREFIX}{receiver}", alerts.RECEIVER)
    return names


def _add(names: Names, group: str, options: Iterable[Any]) -> None:
    for option in options:
        names.setdefault(group, set()).update({option.dest, option.name})
        for former in getattr(option, "deprecated_opts", ()):
            title = former.group or group
            names.setdefault(title, set()).add(former.name.replace("-", "_"))


def _unknown(sections: Mapping[str, Mapping[str, Any]], known: Names) -> Iterator[str]:
    for group, options in sections.items():
        if group not in known:
            yield f"[{group}] is no group of options{_hint(group, known)}"
            continue
        allowed = known[group] | _of_plugin(group, options)
        for name in options:
            if name not in allowed:
                yield f"[{group}] {name} is no option{_hint(name, allowed)}"


def _hint(name: str, names: Iterable[str]) -> str:
    if name.startswith(alerts.PREFIX):
        return f": name {name.removeprefix(alerts.PREFIX)} in [alerts] receivers"
    close = get_close_matches(name, [each for each in names if ":" not in each], 1)
    return f"; is {close[0]} meant?" if close else ""


def _of_plugin(group: str, options: Mapping[str, Any]) -> set[str]:
    """Return the options of the way in which the API signs in, which depend on ``auth_type``."""
    if group != CREDENTIAL or "auth_type" not in options:
        return set()
    (auth_type,) = options["auth_type"][-1:]
    plugins = entry_points(group="keystoneauth1.plugin", name=auth_type)
    return {option.dest for plugin in plugins for option in plugin.load()().get_options()}


def _receivers(conf: Any) -> Iterator[str]:
    for name in conf.alerts.receivers:
        group = conf[f"{alerts.PREFIX}{name}"]
        if not group.token_hash and not group.keystone:
            yield (
                f"[{alerts.PREFIX}{name}] has neither token_hash nor keystone = true: nobody can "
                f"send it alerts. 'openstats receiver token {name}' makes a token"
            )


def _thresholds(conf: Any) -> Iterator[str]:
    given = conf.alerts
    pairs = {
        "quota_warning and quota_error": (given.quota_warning, given.quota_error),
        "capacity_warning and capacity_error": (given.capacity_warning, given.capacity_error),
    }
    for customer, pair in given.quota_of_customers.items():
        warning, error = map(float, pair.split("/"))
        pairs[f"quota_of_customers of {customer}"] = warning, error
    for options, (warning, error) in pairs.items():
        if warning > error:
            yield (
                f"[alerts] {options}: a Warning from {warning:g} % on comes after the Error from "
                f"{error:g} % on, and is never raised"
            )
