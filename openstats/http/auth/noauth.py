"""The strategy noauth: whoever can connect is an admin, so only this machine's users may."""

from dataclasses import replace
from typing import Any

from oslo_config import cfg

from openstats.errors import ConfigError
from openstats.http.auth import loopback
from openstats.http.auth.policy import Policy
from openstats.http.auth.strategy import AuthStrategy
from openstats.http.request import Credentials, Identity, Request
from openstats.model import Scope

FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR")
ADMIN = Identity("noauth", Credentials(("admin", "member", "reader"), "all"), Scope())


class NoAuthStrategy(AuthStrategy):
    """Everybody who can connect is an admin: for loopback, where only this machine's users are.

    A browser could be tricked into calling for somebody else: requests that came through a proxy
    or for another name than loopback's are refused, unless ``beyond_loopback`` says that
    something in front decides.
    """

    def __init__(self, policy: Policy, *, beyond_loopback: bool, name: str = ADMIN.name) -> None:
        super().__init__(policy)
        self.admin = replace(ADMIN, name=name)
        self.beyond_loopback = beyond_loopback

    def caller(self, _request: Request) -> Identity:
        """Return the identity of the caller."""
        return self.admin

    def refusal(self, request: Request) -> str | None:
        """Return why a request is refused: it may come from another machine."""
        return None if self.beyond_loopback else _foreign(request)


def _foreign(request: Request) -> str | None:
    if not loopback.is_loopback(request.environ.get("HTTP_HOST", "")):
        return "without authentication openstats answers to the names of loopback only"
    if any(header in request.environ for header in FORWARDED):
        return "without authentication openstats answers no forwarded requests"
    return None


def exposure(options: Any) -> str | None:
    """Return why noauth is refused with these options of [api]: it would let the network in."""
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
        ConfigError: it would let the network in without saying so.
    """
    if reason := exposure(conf.api):
        raise ConfigError(reason)
    return NoAuthStrategy(policy, beyond_loopback=conf.api.noauth_beyond_loopback)
