"""The request class, with the store, the configuration, the time and the caller.

The types of a caller live here as well; ``auth`` determines who the caller is.
"""

from dataclasses import dataclass

from oslo_config import cfg
from pyramid import request
from pyramid.decorator import reify
from pyramid.interfaces import ISecurityPolicy

from openstats.http import request_id
from openstats.model import NO_ACCESS, Scope
from openstats.storage.store import Store

READ_METHODS = ("GET", "HEAD")
CALLER = "openstats.caller"
"""Key of the WSGI environment that holds the caller's name, once it is known."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The attributes of a caller that policy rules check, by the names that rules use."""

    roles: tuple[str, ...] = ()
    system_scope: str | None = None
    admin_project: bool = False
    user_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None


NO_CREDENTIALS = Credentials()


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller: the name in the audit, the credentials that rules check, and the visible scope."""

    name: str
    credentials: Credentials = NO_CREDENTIALS
    scope: Scope = NO_ACCESS


class Request(request.Request):  # type: ignore[misc]
    """The request class of the application.

    Properties are defined here, since Pyramid's ``add_request_method`` would make a new class for
    each request.
    """

    @property
    def store(self) -> Store:
        """The store that requests are answered from."""
        return self.registry.store  # type: ignore[no-any-return]

    @property
    def conf(self) -> cfg.ConfigOpts:
        """The configuration."""
        return self.registry.conf  # type: ignore[no-any-return]

    @reify  # type: ignore[untyped-decorator]
    def identity(self) -> Identity:
        """Return the caller, or the subject for whom it asks; determined once per request."""
        identity: Identity = super().identity
        self.environ[CALLER] = identity.name or "-"
        return identity

    def own_project(self) -> tuple[str, frozenset[str]]:
        """Return the Keystone id of the token's project, and the uuids of its tenants."""
        return self.registry.getUtility(ISecurityPolicy).own_project(self)  # type: ignore[no-any-return]

    @property
    def scope(self) -> Scope:
        """What the caller may see."""
        return self.identity.scope  # type: ignore[no-any-return]

    @reify  # type: ignore[untyped-decorator]
    def now(self) -> int:
        """Return the time of this request in Unix seconds."""
        return int(self.registry.clock())

    @property
    def request_id(self) -> str:
        """The id of this request in logs and in its response."""
        return request_id.current(self.environ)
