"""The request as views see it: with the store, the configuration, the time and the caller.

What a caller is made of stands here as well; who the caller is, is decided in ``auth``.
"""

from dataclasses import dataclass

from oslo_config import cfg
from pyramid import request
from pyramid.decorator import reify
from pyramid.interfaces import ISecurityPolicy

from openstats.http import request_id
from openstats.model import Scope
from openstats.storage.access.scopes import NOTHING
from openstats.storage.store import Store

CALLER = "openstats.caller"
"""Where the environment of a request names its caller, once that is known."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What rules look at of a caller: the names here are those that checks may use."""

    roles: tuple[str, ...] = ()
    system_scope: str | None = None
    admin_project: bool = False
    user_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None


NO_CREDENTIALS = Credentials()


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller: a name for the audit, what rules look at, and what is visible."""

    name: str
    credentials: Credentials = NO_CREDENTIALS
    scope: Scope = NOTHING


class Request(request.Request):  # type: ignore[misc]
    """One class for all: what Pyramid's configurator adds would be a new class for each request."""

    @property
    def store(self) -> Store:
        """What is answered from."""
        return self.registry.store  # type: ignore[no-any-return]

    @property
    def conf(self) -> cfg.ConfigOpts:
        """The configuration."""
        return self.registry.conf  # type: ignore[no-any-return]

    @reify  # type: ignore[untyped-decorator]
    def identity(self) -> Identity:
        """Return who asks; it is found out once, however often it is looked at."""
        identity: Identity = super().identity
        self.environ[CALLER] = identity.name or "-"
        return identity

    def own_project(self) -> tuple[str, frozenset[str]]:
        """Return the project of the caller's token, by its id, and the tenants that it is."""
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
        """The name of this request in logs and in its answer."""
        return request_id.current(self.environ)
