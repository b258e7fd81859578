"""Faults of a configuration with which no service starts; ``check`` reports them."""

from oslo_config import cfg

from openstats import logs
from openstats.conf import foreign
from openstats.conf.values import ValuesError
from openstats.errors import ConfigError
from openstats.http.auth import noauth


def faults(conf: cfg.ConfigOpts) -> list[str]:
    """Return a sentence for each fault; ``check`` tests policy files and credentials separately."""
    sentences = [logs.fault(conf), noauth.exposure(conf.api)]
    try:
        foreign.read(conf)
    except ValuesError as error:
        sentences += error.sentences
    return [sentence for sentence in sentences if sentence]


def check(conf: cfg.ConfigOpts) -> None:
    """Raise ConfigError if there are any faults."""
    if sentences := faults(conf):
        raise ConfigError(*sentences)
