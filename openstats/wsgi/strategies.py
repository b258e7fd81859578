"""The choice of the authentication strategy, and its middleware and rules."""

from collections.abc import Callable
from wsgiref.types import WSGIApplication

from oslo_config import cfg
from oslo_policy.policy import RuleDefault

from openstats.api.policies import RULES
from openstats.errors import ConfigError
from openstats.http.auth import noauth
from openstats.http.auth.policy import PERSONAS, Policy, enforcer, unknown_rules
from openstats.http.auth.strategy import AuthStrategy


def choose(
    conf: cfg.ConfigOpts, clock: Callable[[], float], *, trusted: str | None
) -> AuthStrategy:
    """Return the strategy of [api] auth_strategy, or noauth for a ``trusted`` caller."""
    policy = Policy(conf, RULES)
    if trusted is not None:
        return noauth.NoAuthStrategy(policy, beyond_loopback=False, name=trusted)
    if conf.api.auth_strategy == "noauth":
        return noauth.strategy(conf, policy)
    # Imported only if needed, since it imports Keystone's client.
    from openstats.http.auth import keystone  # noqa: PLC0415

    return keystone.strategy(conf, policy, clock)


def protect(
    app: WSGIApplication, conf: cfg.ConfigOpts, clock: Callable[[], float], *, trusted: bool
) -> WSGIApplication:
    """Return an application wrapped in the middleware that its strategy needs."""
    if trusted or conf.api.auth_strategy == "noauth":
        return app
    from openstats.http.auth import auth_token  # noqa: PLC0415

    return auth_token.protect(app, conf, clock)


def list_rules() -> list[RuleDefault]:
    """Return all rules, for oslopolicy-sample-generator."""
    return [*PERSONAS, *RULES]


def overridden_rules(conf: cfg.ConfigOpts) -> list[str]:
    """Return the names of the rules that the policy files override.

    Raises:
        ConfigError: a file is invalid, or overrides a rule that openstats does not have.
    """
    rules = enforcer(conf, list_rules())
    if unknown := unknown_rules(rules):
        raise ConfigError(
            f"[oslo_policy] {', '.join(unknown)}: openstats has no such rules; those that it has "
            "are in policy.yaml.sample"
        )
    return sorted(rules.file_rules)
