"""The base of all authentication strategies: on_behalf_of, and permissions by policy rules.

The strategies themselves are in ``noauth`` and ``keystone``.
"""

from abc import ABC, abstractmethod

from pyramid.security import Allowed, Denied

from openstats.errors import ParameterError, PermissionDeniedError, UnauthenticatedError
from openstats.http.auth.policy import ON_BEHALF_OF, RECEIVE, Policy
from openstats.http.parameters.query import values_of
from openstats.http.request import Identity, Request
from openstats.model import NO_ACCESS
from openstats.storage.access import scopes

SUBJECT = "on_behalf_of"
UNKNOWN_CALLER = "a valid token is required in X-Auth-Token"


class AuthStrategy(ABC):
    """Pyramid's security policy: policy rules decide, and a portal may act for its subjects."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def identity(self, request: Request) -> Identity:
        """Return the identity of the caller, or of the subject for whom it asks.

        Raises:
            UnauthenticatedError: the caller is not authenticated.
            PermissionDeniedError: the caller may not use on_behalf_of.
            ParameterError: on_behalf_of is empty, or given more than once.
        """
        caller = self.caller(request)
        subjects = values_of(request.query_string, SUBJECT)
        return self._on_behalf_of(request, caller, subjects) if subjects else caller

    def _on_behalf_of(self, request: Request, caller: Identity, subjects: list[str]) -> Identity:
        if not self.policy.allows(ON_BEHALF_OF, caller.credentials):
            raise PermissionDeniedError(f"{SUBJECT}: only admins and services may use it")
        if len(subjects) > 1:
            raise ParameterError(f"{SUBJECT}: must be given only once")
        (subject,) = subjects
        if not subject:
            raise ParameterError(f"{SUBJECT}=: must not be empty; leave it out to ask for yourself")
        with request.store.read() as db:
            scope = scopes.granted_scope(db, subject=subject)
        return Identity(caller.name, scope=scope or NO_ACCESS)

    @abstractmethod
    def caller(self, request: Request) -> Identity:
        """Return the identity of the sender of the request."""

    def own_project(self, _request: Request) -> tuple[str, frozenset[str]]:
        """Return the Keystone id of the token's project, and the uuids of its tenants.

        Raises:
            UnauthenticatedError: there is no valid token.
            PermissionDeniedError: the token is not scoped to a project.
        """
        raise UnauthenticatedError(UNKNOWN_CALLER)

    def refusal(self, _request: Request) -> str | None:
        """Return why a request is refused regardless of its sender; None if it is not."""
        return None

    def permits(self, request: Request, _context: object, permission: str) -> Allowed | Denied:
        """Return whether the caller may use a view."""
        if reason := self.refusal(request):
            return Denied(reason)
        if permission == RECEIVE:
            return Allowed("a receiver's own token decides")
        if self.policy.allows(permission, request.identity.credentials):
            return Allowed("%s is allowed", permission)
        return Denied("%s is not allowed to this caller", permission)
