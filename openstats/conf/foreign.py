"""Options of libraries in openstats' configuration files."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.metadata import entry_points

from oslo_config import cfg

from openstats.conf import values
from openstats.conf.sources import files, sections, variables

LIBRARY_NAMESPACES = {
    "DEFAULT": ("oslo.log",),
    "cors": ("openstats.cors",),
    "keystone_authtoken": ("openstats.credential", "keystonemiddleware.auth_token"),
    "oslo_middleware": ("oslo.middleware.http_proxy_to_wsgi",),
    "oslo_policy": ("oslo.policy",),
}
"""Namespaces of oslo.config by group, as in the sample.

They are loaded only if a file has the group, because the libraries are large.
"""


def declared(namespaces: Iterable[str]) -> Iterator[tuple[str, list[cfg.Opt]]]:
    """Yield the options of libraries by group."""
    for namespace in namespaces:
        for entry in entry_points(group="oslo.config.opts", name=namespace):
            for group, options in entry.load()():
                yield str(group or "DEFAULT"), list(options)


def used(conf: cfg.ConfigOpts) -> set[str]:
    """Return the groups in files and environment variables, whether or not they exist."""
    groups = {group for path in files(conf) for group in sections(path)}
    return groups | {variable.group.lower() for variable in variables()}


def read(conf: cfg.ConfigOpts) -> cfg.ConfigOpts:
    """Return the options of libraries in the files of ``conf``.

    Raises:
        ValuesError: an option has an invalid value.
    """
    names = sorted(used(conf) & LIBRARY_NAMESPACES.keys() - {"DEFAULT"})
    groups = [pair for name in names for pair in declared(LIBRARY_NAMESPACES[name])]
    libraries = cfg.ConfigOpts()
    for group, options in groups:
        libraries.register_opts(options, group=group)
    # Which options a credential requires depends on its auth_type.
    with suppress(cfg.RequiredOptError):
        libraries(
            args=[],
            default_config_files=list(conf.config_file or []),
            default_config_dirs=list(conf.config_dir or []),
        )
    values.check(libraries, groups)
    return libraries
