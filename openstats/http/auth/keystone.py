"""The strategy keystone: the token determines the caller, its project and its grants the scope.

``auth_token`` has validated the token before.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol
from wsgiref.types import WSGIEnvironment

from oslo_config import cfg

from openstats.auth_url import compared
from openstats.clouds.services.user_groups import UserGroups
from openstats.errors import PermissionDeniedError, UnauthenticatedError
from openstats.http.auth import credential
from openstats.http.auth.auth_token import CONFIRMED, STATUS
from openstats.http.auth.policy import SEES_EVERYTHING, Policy
from openstats.http.auth.strategy import UNKNOWN_CALLER, AuthStrategy
from openstats.http.request import Credentials, Identity, Request
from openstats.model import EVERYTHING, NO_ACCESS, Scope
from openstats.storage.access import scopes
from openstats.storage.access.scopes import Issuer
from openstats.storage.store import Database

GroupsOfUser = Callable[[str], Collection[str]]
"""A function from the id of a user to the ids of its Keystone groups; empty if unknown."""

TokenContent = Mapping[str, Any]
"""What Keystone says about a token, as JSON."""

DELEGATED = ("application_credential", "OS-TRUST:trust", "OS-OAUTH1")


class IdentityOptions(Protocol):
    """The options of the group [identity] that determine the caller."""

    admin_project_ids: Sequence[str]
    delegated_grants: bool


class Token(Protocol):
    """A valid token, as keystonemiddleware reads it."""

    user_id: str
    role_names: Sequence[str]
    project_id: str | None
    project_name: str | None
    project_domain_id: str | None
    domain_id: str | None
    system_scoped: bool
    system: Mapping[str, bool]


class KeystoneStrategy(AuthStrategy):
    """Authenticates callers by the token that auth_token left in the environment.

    auth_token's headers are not used: a service token beside the caller's changes some of them.
    """

    def __init__(
        self, policy: Policy, options: IdentityOptions, issuer: Issuer, groups_of: GroupsOfUser
    ) -> None:
        super().__init__(policy)
        self.options, self.issuer, self.groups_of = options, issuer, groups_of

    def caller(self, request: Request) -> Identity:
        """Return the identity of the caller."""
        token = _token(request)
        credentials = self._credentials(token)
        if self.policy.allows(SEES_EVERYTHING, credentials):
            return Identity(token.user_id, credentials, EVERYTHING)
        with request.store.read() as db:
            return Identity(token.user_id, credentials, self._scope(db, token, request.environ))

    def own_project(self, request: Request) -> tuple[str, frozenset[str]]:
        """Return the Keystone id of the token's project, and the uuids of its tenants.

        Raises:
            UnauthenticatedError: there is no valid token.
            PermissionDeniedError: the token is not scoped to a project.
        """
        project = _token(request).project_id
        if not project:
            raise PermissionDeniedError("a token scoped to a project is required")
        with request.store.read() as db:
            return project, scopes.token_project_scope(db, self.issuer, project).tenants

    def _credentials(self, token: Token) -> Credentials:
        return Credentials(
            roles=tuple(token.role_names),
            system_scope="all" if token.system_scoped and token.system.get("all") else None,
            admin_project=self._is_admin_project(token),
            user_id=token.user_id,
            project_id=token.project_id,
            domain_id=token.domain_id,
        )

    def _is_admin_project(self, token: Token) -> bool:
        if self.options.admin_project_ids:
            return token.project_id in self.options.admin_project_ids
        return bool(
            token.project_id
            and token.project_name == "admin"
            and token.project_domain_id == "default"
        )

    def _scope(self, db: Database, token: Token, environ: WSGIEnvironment) -> Scope:
        """Return the scope of the token itself, joined with that of the caller's grants."""
        content, scope = environ["keystone.token_info"]["token"], self._own_scope(db, token)
        if self.options.delegated_grants or not _is_delegated(content):
            groups = self._groups(db, content)
            scope |= scopes.granted_scope(db, user_id=token.user_id, groups=groups) or NO_ACCESS
        return scope

    def _own_scope(self, db: Database, token: Token) -> Scope:
        if "reader" not in token.role_names:
            return NO_ACCESS
        if token.project_id:
            return scopes.token_project_scope(db, self.issuer, token.project_id)
        if token.domain_id:
            return scopes.token_domain_scope(db, self.issuer, token.domain_id)
        return NO_ACCESS

    def _groups(self, db: Database, content: TokenContent) -> Collection[str]:
        if not scopes.grants_to_groups(db):
            return ()
        user = content["user"]
        if federated := user.get("OS-FEDERATION"):
            return [group["id"] for group in federated.get("groups", ())]
        return self.groups_of(user["id"])


def _token(request: Request) -> Token:
    """Return the caller's token, as auth_token left it.

    Raises:
        UnauthenticatedError: there is no valid token.
    """
    environ = request.environ
    token: Token | None = getattr(environ.get("keystone.token_auth"), "user", None)
    if environ.get(STATUS) != CONFIRMED or token is None:
        raise UnauthenticatedError(UNKNOWN_CALLER)
    return token


def _is_delegated(content: TokenContent) -> bool:
    """Return whether a token is delegated: an application credential, a trust or OAuth 1."""
    return any(name in content for name in DELEGATED)


def strategy(conf: cfg.ConfigOpts, policy: Policy, clock: Callable[[], float]) -> KeystoneStrategy:
    """Return the strategy keystone."""
    options = credential.declare_options(conf)[credential.GROUP]
    # This declares the credential's own options, such as auth_url.
    groups = UserGroups(credential.identity_client(conf), clock)
    urls = {options.auth_url, options.www_authenticate_uri} - {None}
    issuer = Issuer(conf.identity.clouds, sorted(map(compared, urls)))
    return KeystoneStrategy(policy, conf.identity, issuer, groups)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the group with the options of password authentication, for oslo-config-generator."""
    return [(credential.GROUP, credential.password_options())]
