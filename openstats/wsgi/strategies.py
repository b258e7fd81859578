"""Which strategy knows the callers, and what stands around the application for it."""

from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication

from oslo_config import cfg

from openstats.api.policies import RULES
from openstats.errors import ConfigError
from openstats.http.auth import noauth
from openstats.http.auth.policy import PERSONAS, Policy, enforcer, unknown_rules
from openstats.http.auth.strategy import AuthStrategy


def choose(
    conf: cfg.ConfigOpts, clock: Callable[[], float], *, trusted: str | None
) -> AuthStrategy:
    """Return the strategy of [api] auth_strategy; a ``trusted`` caller is this very process."""
    policy = Policy(conf, RULES)
    if trusted is not None:
        return noauth.NoAuthStrategy(policy, beyond_loopback=False, name=trusted)
    if conf.api.auth_strategy == "noauth":
        return noauth.strategy(conf, policy)
    # Imported where it is needed: it brings Keystone's client along.
    from openstats.http.auth import keystone  # noqa: PLC0415

    return keystone.strategy(conf, policy, clock)


def protect(
    app: WSGIApplication, conf: cfg.ConfigOpts, clock: Callable[[], float], *, trusted: bool
) -> WSGIApplication:
    """Put around an application what its strategy needs."""
    if trusted or conf.api.auth_strategy == "noauth":
        return app
    from openstats.http.auth import auth_token  # noqa: PLC0415

    return auth_token.protect(app, conf, clock)


def list_rules() -> list[Any]:
    """Return what oslopolicy-sample-generator asks for: all rules."""
    return [*PERSONAS, *RULES]


def overridden_rules(conf: cfg.ConfigOpts) -> list[str]:
    """Return the names of the rules that the policy files override.

    Raises:
        ConfigError: a file has a mistake, or overrides a rule that openstats does not have.
    """
    rules = enforcer(conf, list_rules())
    if unknown := unknown_rules(rules):
        raise ConfigError(
            f"[oslo_policy] {', '.join(unknown)}: openstats has no such rules; those that it has "
            "are in policy.yaml.sample"
        )
    return sorted(rules.file_rules)
