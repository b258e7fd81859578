"""The strategy noauth: every caller is an admin, so only users of this machine may connect."""

from dataclasses import replace
from typing import Protocol

from oslo_config import cfg

from openstats.errors import ConfigError
from openstats.http.auth import loopback
from openstats.http.auth.policy import Policy
from openstats.http.auth.strategy import AuthStrategy
from openstats.http.request import Credentials, Identity, Request
from openstats.model import EVERYTHING

FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR")
ADMIN = Identity("noauth", Credentials(("admin", "member", "reader"), "all"), EVERYTHING)


class NoAuthStrategy(AuthStrategy):
    """Treats every caller as an admin; for loopback, which only users of this machine reach.

    A browser could be tricked into sending requests for somebody else. So requests through a
    proxy, or to another host name than loopback's, are refused, unless ``beyond_loopback`` says
    that something in front controls access.
    """

    def __init__(self, policy: Policy, *, beyond_loopback: bool, name: str = ADMIN.name) -> None:
        super().__init__(policy)
        self.admin = replace(ADMIN, name=name)
        self.beyond_loopback = beyond_loopback

    def caller(self, _request: Request) -> Identity:
        """Return the identity of the caller."""
        return self.admin

    def refusal(self, request: Request) -> str | None:
        """Return why a request that may come from another machine is refused; None if it is not."""
        return None if self.beyond_loopback else _foreign(request)


def _foreign(request: Request) -> str | None:
    if not loopback.is_loopback(request.environ.get("HTTP_HOST", "")):
        return "without authentication openstats answers to the names of loopback only"
    if any(header in request.environ for header in FORWARDED):
        return "without authentication openstats answers no forwarded requests"
    return None


class NoAuthOptions(Protocol):
    """The options of the group [api] that say who may connect without authentication."""

    auth_strategy: str
    noauth_beyond_loopback: bool
    host: str


def exposure(options: NoAuthOptions) -> str | None:
    """Return why noauth is refused with these options of [api]; None if it is not.

    It is refused on an address that other machines reach, unless noauth_beyond_loopback is set.
    """
    if options.auth_strategy != "noauth" or options.noauth_beyond_loopback:
        return None
    if options.host in loopback.NAMES:
        return None
    return (
        f"[api] host (or --host) is {options.host}, which other machines reach, and auth_strategy "
        "= noauth lets everybody in: listen on 127.0.0.1, or set noauth_beyond_loopback = true"
    )


def strategy(conf: cfg.ConfigOpts, policy: Policy) -> NoAuthStrategy:
    """Return the strategy noauth.

    Raises:
        ConfigError: other machines could connect, and noauth_beyond_loopback is not set.
    """
    if reason := exposure(conf.api):
        raise ConfigError(reason)
    return NoAuthStrategy(policy, beyond_loopback=conf.api.noauth_beyond_loopback)
