"""Who asks, and what that allows: identity becomes a Scope once, permissions are a table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyramid.security import Allowed, Denied

from openstats.errors import ConfigError
from openstats.model import EVERYTHING, Scope

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR")


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller: whether an admin, and what is visible."""

    admin: bool
    scope: Scope


def _admin(identity: Identity) -> bool:
    return identity.admin


def _anybody(_identity: Identity) -> bool:
    return True


RULES: dict[str, Callable[[Identity], bool]] = {
    "openstats:resource:get": _admin,
    "openstats:quota:get": _anybody,
    "openstats:customer:get": _anybody,
    "openstats:creation-time:get": _anybody,
    "openstats:usage:get": _anybody,
}
"""Which identities a permission lets pass. A permission that is not here lets nobody."""

ADMIN = Identity(admin=True, scope=EVERYTHING)


class NoAuth:
    """Everybody who can connect is an admin: for loopback, where only this machine's users are.

    A browser could be tricked into calling for somebody else: requests that came through a proxy
    or for another name than loopback's are refused, unless ``beyond_loopback`` says that
    something in front decides.
    """

    def __init__(self, *, beyond_loopback: bool) -> None:
        self.beyond_loopback = beyond_loopback

    def identity(self, _request: Any) -> Identity:
        """Give the identity of the caller."""
        return ADMIN

    def permits(self, request: Any, _context: object, permission: str) -> Allowed | Denied:
        """Decide whether the caller may use a view."""
        if not self.beyond_loopback and (reason := _foreign(request)):
            return Denied(reason)
        rule = RULES.get(permission)
        if rule and rule(request.identity):
            return Allowed("%s is allowed", permission)
        return Denied("%s is not allowed to this caller", permission)


def _foreign(request: Any) -> str | None:
    host = request.environ.get("HTTP_HOST", "")
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    if name.lower() not in LOOPBACK:
        return "without authentication openstats answers to the names of loopback only"
    if any(header in request.environ for header in FORWARDED):
        return "without authentication openstats answers no forwarded requests"
    return None


def security_policy(options: Any) -> NoAuth:
    """Make the policy that [api] auth_strategy names.

    Raises:
        ConfigError: it would let the network in without saying so.
    """
    if options.host not in ("127.0.0.1", "::1", "localhost") and not options.noauth_beyond_loopback:
        raise ConfigError(
            f"[api] host = {options.host} is reached by other machines, and auth_strategy = noauth "
            "lets everybody in: listen on 127.0.0.1, or set noauth_beyond_loopback = true"
        )
    return NoAuth(beyond_loopback=options.noauth_beyond_loopback)
