"""Who asks, and what that allows: a request becomes an Identity once, with its Scope in it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyramid.security import Allowed, Denied

from openstats.errors import (
    ConfigError,
    ParameterError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from openstats.http.auth.policy import EVERYTHING, ON_BEHALF_OF, RECEIVE, Credentials, Policy
from openstats.http.parameters import values_of
from openstats.model import Scope
from openstats.storage.access import scopes
from openstats.storage.access.scopes import NOTHING, Issuer
from openstats.storage.store import Database

LOOPBACK = ("127.0.0.1", "::1", "localhost")
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR")
SUBJECT = "on_behalf_of"
CONFIRMED = "Confirmed"
UNKNOWN_CALLER = "a valid token is needed in X-Auth-Token"

Groups = Callable[[str], Collection[str]]
"""Gives the Keystone groups of a user, by id; none where Keystone does not say."""

NO_CREDENTIALS = Credentials()


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller: a name for the audit, what rules look at, and what is visible."""

    name: str
    credentials: Credentials = NO_CREDENTIALS
    scope: Scope = NOTHING


ADMIN = Identity("noauth", Credentials(("admin", "member", "reader"), "all"), Scope())


class Deciding(ABC):
    """What both strategies share: rules decide, and a portal may ask on behalf of a subject."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def identity(self, request: Any) -> Identity:
        """Give the identity of the caller, or of the subject for whom it asks.

        Raises:
            UnauthenticatedError: there is none.
            PermissionDeniedError: the caller may not ask for others.
        """
        caller = self.caller(request)
        told = values_of(request.environ.get("QUERY_STRING", ""), SUBJECT)
        if not told:
            return caller
        if not self.policy.allows(ON_BEHALF_OF, caller.credentials):
            raise PermissionDeniedError(f"{SUBJECT} is for admins and services")
        if len(told) > 1:
            raise ParameterError(f"{SUBJECT}: it may be given once")
        if not told[0]:
            raise ParameterError(f"{SUBJECT}=: it takes a subject; without it you ask for yourself")
        with request.store.read() as db:
            seen = scopes.granted(db, subject=told[0])
        return Identity(caller.name, scope=seen or NOTHING)

    @abstractmethod
    def caller(self, request: Any) -> Identity:
        """Give the identity of who sent the request."""

    def own_project(self, _request: Any) -> tuple[str, frozenset[str]]:
        """Give the project of the caller's token, by its id, and the tenants that it is.

        Raises:
            UnauthenticatedError: there is no such token.
            PermissionDeniedError: it is of no project.
        """
        raise UnauthenticatedError(UNKNOWN_CALLER)

    def refusal(self, _request: Any) -> str | None:
        """Say why a request is refused whoever sent it."""
        return None

    def permits(self, request: Any, _context: object, permission: str) -> Allowed | Denied:
        """Decide whether the caller may use a view."""
        if reason := self.refusal(request):
            return Denied(reason)
        if permission == RECEIVE:
            return Allowed("a receiver's own token decides")
        if self.policy.allows(permission, request.identity.credentials):
            return Allowed("%s is allowed", permission)
        return Denied("%s is not allowed to this caller", permission)


class NoAuth(Deciding):
    """Everybody who can connect is an admin: for loopback, where only this machine's users are.

    A browser could be tricked into calling for somebody else: requests that came through a proxy
    or for another name than loopback's are refused, unless ``beyond_loopback`` says that
    something in front decides.
    """

    def __init__(self, policy: Policy, *, beyond_loopback: bool, name: str = ADMIN.name) -> None:
        super().__init__(policy)
        self.admin = replace(ADMIN, name=name)
        self.beyond_loopback = beyond_loopback

    def caller(self, _request: Any) -> Identity:
        """Give the identity of the caller."""
        return self.admin

    def refusal(self, request: Any) -> str | None:
        """Refuse what may come from another machine."""
        return None if self.beyond_loopback else _foreign(request)


def _foreign(request: Any) -> str | None:
    host = request.environ.get("HTTP_HOST", "")
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    # IPv6 addresses stand in brackets here.
    if (name[1:-1] if ":" in name else name.lower()) not in LOOPBACK:
        return "without authentication openstats answers to the names of loopback only"
    if any(header in request.environ for header in FORWARDED):
        return "without authentication openstats answers no forwarded requests"
    return None


class Keystone(Deciding):
    """Callers are who their token says, as auth_token left it in the environment.

    Its headers are not consulted: a service token beside the caller's writes into some of them.
    """

    def __init__(self, policy: Policy, options: Any, issuer: Issuer, groups: Groups) -> None:
        super().__init__(policy)
        self.options, self.issuer, self.groups = options, issuer, groups

    def caller(self, request: Any) -> Identity:
        """Give the identity of the caller."""
        token, environ = _token(request), request.environ
        credentials = self._credentials(token)
        if self.policy.allows(EVERYTHING, credentials):
            return Identity(token.user_id, credentials, Scope())
        with request.store.read() as db:
            return Identity(token.user_id, credentials, self._scope(db, token, environ))

    def own_project(self, request: Any) -> tuple[str, frozenset[str]]:
        """Give the project of the caller's token, by its id, and the tenants that it is.

        Raises:
            UnauthenticatedError: there is no such token.
            PermissionDeniedError: it is of no project.
        """
        project = _token(request).project_id
        if not project:
            raise PermissionDeniedError("a token that is scoped to a project is needed")
        with request.store.read() as db:
            return project, scopes.of_token_project(db, self.issuer, project).tenants

    def _credentials(self, token: Any) -> Credentials:
        return Credentials(
            roles=tuple(token.role_names),
            system_scope="all" if token.system_scoped and token.system.get("all") else None,
            admin_project=self._is_admin_project(token),
            user_id=token.user_id,
            project_id=token.project_id,
            domain_id=token.domain_id,
        )

    def _is_admin_project(self, token: Any) -> bool:
        if self.options.admin_project_ids:
            return token.project_id in self.options.admin_project_ids
        return bool(
            token.project_id
            and token.project_name == "admin"
            and token.project_domain_id == "default"
        )

    def _scope(self, db: Database, token: Any, environ: Mapping[str, Any]) -> Scope:
        """Return what is granted to the caller, beside what the token itself is for."""
        content, scope = environ["keystone.token_info"]["token"], self._own_scope(db, token)
        if self.options.delegated_grants or not _delegated(content):
            groups = self._groups(db, content)
            scope |= scopes.granted(db, user_id=token.user_id, groups=groups) or NOTHING
        return scope

    def _own_scope(self, db: Database, token: Any) -> Scope:
        if "reader" not in token.role_names:
            return NOTHING
        if token.project_id:
            return scopes.of_token_project(db, self.issuer, token.project_id)
        if token.domain_id:
            return scopes.of_token_domain(db, self.issuer, token.domain_id)
        return NOTHING

    def _groups(self, db: Database, content: Mapping[str, Any]) -> Collection[str]:
        if not scopes.grants_to_groups(db):
            return ()
        user = content["user"]
        if federated := user.get("OS-FEDERATION"):
            return [group["id"] for group in federated.get("groups", ())]
        return self.groups(user["id"])


def _token(request: Any) -> Any:
    """Give the caller's token, as auth_token left it.

    Raises:
        UnauthenticatedError: there is none that is valid.
    """
    environ = request.environ
    token = getattr(environ.get("keystone.token_auth"), "user", None)
    if environ.get("HTTP_X_IDENTITY_STATUS") != CONFIRMED or token is None:
        raise UnauthenticatedError(UNKNOWN_CALLER)
    return token


DELEGATED = ("application_credential", "OS-TRUST:trust", "OS-OAUTH1")


def _delegated(content: Mapping[str, Any]) -> bool:
    """Tell whether somebody gave a part of what is theirs to whoever holds the token."""
    return any(name in content for name in DELEGATED)


def exposure(options: Any) -> str | None:
    """Return why noauth is refused with these options of [api]: it would let the network in."""
    if options.auth_strategy != "noauth" or options.noauth_beyond_loopback:
        return None
    if options.host in LOOPBACK:
        return None
    return (
        f"[api] host (or --host) is {options.host}, which other machines reach, and auth_strategy "
        "= noauth lets everybody in: listen on 127.0.0.1, or set noauth_beyond_loopback = true"
    )


def noauth(conf: Any, policy: Policy) -> NoAuth:
    """Make the strategy noauth.

    Raises:
        ConfigError: it would let the network in without saying so.
    """
    if reason := exposure(conf.api):
        raise ConfigError(reason)
    return NoAuth(policy, beyond_loopback=conf.api.noauth_beyond_loopback)
