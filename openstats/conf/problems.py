"""Problems of a configuration besides invalid values.

They are unknown options, which are usually misspelt, and contradictory options.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points

from oslo_config import cfg

from openstats.conf import alerts, foreign, relations
from openstats.conf.sources import PREFIX, SEPARATOR, Sections, files, sections, variables
from openstats.conf.values import ValuesError

OWN_NAMESPACE = "openstats"
MIN_SIMILARITY = 0.8
"""Similarity at which the name of a group counts as misspelt, from 0 to 1."""

CREDENTIAL_GROUP = "keystone_authtoken"
OptionNames = dict[str, set[str]]


def problems(conf: cfg.ConfigOpts) -> list[str]:
    """Return a sentence for each problem of the configuration files of ``conf``."""
    content = {path: sections(path) for path in files(conf)}
    options_by_group = _existing(conf, foreign.used(conf))
    unknown = (
        f"{path}: {sentence}"
        for path, options in content.items()
        for sentence in _unknown(options, options_by_group)
    )
    return [
        *unknown,
        *_variables(options_by_group),
        *relations.problems(conf),
        *_of_libraries(conf),
    ]


def _of_libraries(conf: cfg.ConfigOpts) -> Iterator[str]:
    try:
        yield from relations.of_libraries(foreign.read(conf))
    except ValuesError as error:
        yield from error.sentences


def warnings(conf: cfg.ConfigOpts) -> list[str]:
    """Return a sentence for each setting that is allowed but probably not intended."""
    return [
        f"[{alerts.PREFIX}{name}] has keystone = true and no role: every member of any project can "
        "raise alerts that admins count. Set role to a role that the senders have"
        for name, options in alerts.receivers(conf).items()
        if options.keystone and not options.role
    ]


def _existing(conf: cfg.ConfigOpts, used: set[str]) -> OptionNames:
    """Return the names of all options by group; those of libraries only for groups in use."""
    names: OptionNames = {group: set() for group in foreign.LIBRARY_NAMESPACES}
    namespaces = [name for group in used for name in foreign.LIBRARY_NAMESPACES.get(group, ())]
    for group, options in foreign.declared([OWN_NAMESPACE, *namespaces]):
        _add(names, group, options)
    for receiver in conf.alerts.receivers:
        _add(names, f"{alerts.PREFIX}{receiver}", alerts.RECEIVER)
    return names


def _add(names: OptionNames, group: str, options: Iterable[cfg.Opt]) -> None:
    for option in options:
        names.setdefault(group, set()).update({option.dest, option.name})
        for former in getattr(option, "deprecated_opts", ()):
            # A former option has the present group and name where it states none of its own.
            title, name = former.group or group, former.name or option.name
            names.setdefault(title, set()).add(name.replace("-", "_"))


def _unknown(texts: Sections, existing: OptionNames) -> Iterator[str]:
    for group, options in texts.items():
        if group not in existing:
            yield f"[{group}]: unknown group{_hint(group, existing)}"
            continue
        allowed = existing[group] | _of_plugin(group, options)
        for name in options:
            if name not in allowed:
                yield f"[{group}] {name}: unknown option{_hint(name, allowed)}"


def _hint(name: str, names: Iterable[str]) -> str:
    if name.startswith(alerts.PREFIX):
        return f": add {name.removeprefix(alerts.PREFIX)} to [alerts] receivers"
    close = get_close_matches(name, [option for option in names if ":" not in option], 1)
    return f"; did you mean {close[0]}?" if close else ""


def _of_plugin(group: str, options: Mapping[str, list[str]]) -> set[str]:
    """Return the options of the authentication plugin that ``auth_type`` names."""
    if group != CREDENTIAL_GROUP or "auth_type" not in options:
        return set()
    (auth_type,) = options["auth_type"][-1:]
    plugins = entry_points(group="keystoneauth1.plugin", name=auth_type)
    return {option.dest for plugin in plugins for option in plugin.load()().get_options()}


def _variables(existing: OptionNames) -> Iterator[str]:
    """Yield a sentence for each environment variable OS_GROUP__OPTION that is probably misspelt.

    Variables with other groups are ignored, since other programs use the same form.
    """
    by_group = {group.upper(): group for group in existing}
    for variable in variables():
        groups = get_close_matches(variable.group.upper(), by_group, 1, MIN_SIMILARITY)
        options = {name.upper() for group in groups for name in existing[by_group[group]]}
        if not groups or (variable.group in groups and variable.option.upper() in options):
            continue
        close = get_close_matches(variable.option.upper(), options, 1)
        hint = f"; did you mean {PREFIX}{groups[0]}{SEPARATOR}{close[0]}?" if close else ""
        yield f"environment variable {variable.name}: unknown option{hint}"
