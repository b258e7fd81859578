"""Signing in to a cloud, and the reasons why it fails or returns a useless token.

A refused credential is not tried again for some time: Keystone locks accounts after a few attempts.
"""

import time
from collections.abc import Callable
from threading import Lock

from keystoneauth1.access import AccessInfo
from keystoneauth1.exceptions import (
    BadRequest,
    HttpNotImplemented,
    HttpServerError,
    InvalidResponse,
    MethodNotAllowed,
    NotFound,
    Unauthorized,
)
from keystoneauth1.exceptions import ConnectionError as NoConnectionError
from keystoneauth1.session import Session

from openstats.clouds.errors import translated
from openstats.errors import CloudError

MIN_PAUSE, MAX_PAUSE = 30.0, 900.0
"""Seconds before a refused credential is tried again: after the first refusal, and at most."""

NO_KEYSTONE_ERRORS = (NotFound, MethodNotAllowed, HttpNotImplemented, InvalidResponse)
"""Errors of servers that are not Keystone."""

NEED_OF_PROJECT = "but Nova, Cinder and Placement require one for a project"


class SignIn:
    """Replaces ``get_auth_ref`` of a keystoneauth plugin; pauses after a refused credential."""

    def __init__(
        self,
        cloud: str,
        get: Callable[..., AccessInfo],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cloud = cloud
        self._get = get
        self._clock = clock
        self._lock = Lock()
        self._refusal: CloudError | None = None
        self._until = 0.0
        self._pause = MIN_PAUSE

    def forget_refusal(self) -> None:
        """End the pause after a refusal: the next call signs in."""
        self._until = 0.0

    def __call__(self, session: Session, **options: object) -> AccessInfo:
        """Return keystoneauth's access information of a new token.

        Raises:
            CloudError: Keystone does not answer, refuses the credential, or refused it recently.
        """
        with self._lock, translated(self._cloud, "signing in"):
            if self._refusal and self._clock() < self._until:
                raise self._refusal.with_traceback(None)
            try:
                access = self._get(session, **options)
            except Unauthorized as error:
                self._refusal = self._start_pause()
                raise self._refusal from error
            except (*NO_KEYSTONE_ERRORS, BadRequest) as error:
                if advice := _advice(error):
                    raise CloudError(f"{self._cloud}: signing in: {advice}") from error
                raise
            self._refusal, self._pause = None, MIN_PAUSE
            return access

    def _start_pause(self) -> CloudError:
        """Start or double the pause; return the error to raise until it ends."""
        refusal = CloudError(
            f"{self._cloud}: signing in: HTTP 401: Keystone refuses the credential: the user, the "
            "password or the project of the entry is wrong, or the account is locked or disabled"
        )
        refusal.retry_after = self._pause
        self._until = self._clock() + self._pause
        self._pause = min(2 * self._pause, MAX_PAUSE)
        return refusal


def _advice(error: Exception) -> str | None:
    """Return what to correct in the entry, judging by the error of a sign-in; None if unknown."""
    if isinstance(error, NO_KEYSTONE_ERRORS):
        status = getattr(error, "http_status", None)
        answer = f"HTTP {status}" if status else "an answer without a token"
        return f"{answer}: the server at auth_url is not Keystone v3: correct auth_url"
    if "domain" in str(error):
        return (
            "HTTP 400: Keystone needs the domains of the user and the project: write "
            "user_domain_name and project_domain_name below auth, such as Default"
        )
    return None


def is_unreached(error: Exception) -> bool:
    """Return whether a CloudError is due to a failed connection: another call would fail too."""
    return isinstance(error.__cause__, NoConnectionError)


def is_transient(error: Exception) -> bool:
    """Return whether a CloudError may disappear soon: a failed connection, or a 5xx status."""
    return is_unreached(error) or isinstance(error.__cause__, HttpServerError)


def scope_fault(access: AccessInfo) -> str | None:
    """Return why a token is useless because of its scope; None if it is for a project."""
    if access.project_scoped:
        return None
    advice = f"{NEED_OF_PROJECT}: write project_name and project_domain_name below auth"
    if access.domain_scoped:
        name = access.domain_name or access.domain_id
        return f"the token is for the domain {name}, {advice}"
    if getattr(access, "system_scoped", False):
        return f"the token is for the system, {advice}"
    return f"the token is for no project, {advice}"
