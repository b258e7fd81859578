"""The checks of the configuration and the policy files, which need no network."""

from collections.abc import Iterator

from oslo_config import cfg

from openstats.cli.check.lines import FAILED, OK, WARNING, Line
from openstats.conf.alerts import PREFIX, receivers
from openstats.conf.problems import problems, warnings
from openstats.conf.sources import named
from openstats.errors import ConfigError
from openstats.wsgi import startup, strategies

CONFIGURATION, POLICY = "configuration", "policy"


def lines(conf: cfg.ConfigOpts) -> Iterator[Line]:
    """Yield the lines of the configuration, which can be read, and of the policy files."""
    sentences = dict.fromkeys([*startup.faults(conf), *problems(conf)])
    yield from [Line(CONFIGURATION, FAILED, sentence) for sentence in sentences] or [
        Line(CONFIGURATION, OK, ", ".join(named(conf)) or "no configuration file: defaults")
    ]
    yield from [Line(CONFIGURATION, WARNING, sentence) for sentence in warnings(conf)]
    yield _policy(conf)


def _policy(conf: cfg.ConfigOpts) -> Line:
    try:
        return Line(POLICY, OK, ", ".join(strategies.overridden_rules(conf)) or "default rules")
    except ConfigError as error:
        return Line(POLICY, FAILED, str(error))


def unknown_clouds(conf: cfg.ConfigOpts, names: set[str] | None) -> Iterator[Line]:
    """Yield a line for each cloud in an option that is not in ``names``; none if that is None."""
    if names is None:
        return
    options = {"[identity] clouds": conf.identity.clouds}
    for name, receiver in receivers(conf).items():
        options[f"[{PREFIX}{name}] clouds"] = receiver.clouds
    for option, clouds in options.items():
        for cloud in clouds:
            if cloud not in names:
                choices = ", ".join(sorted(names)) or "none"
                sentence = f"{option}: cloud {cloud} not found; known clouds: {choices}"
                yield Line(CONFIGURATION, FAILED, sentence)
