"""Token validation by keystonemiddleware's auth_token, with a cache of valid tokens.

``keystone`` derives the caller from a valid token.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from cachetools import TTLCache
from keystoneauth1.exceptions import ClientException
from keystonemiddleware import auth_token
from keystonemiddleware.auth_token._exceptions import InvalidToken
from oslo_config import cfg
from oslo_log import log
from webob import Request
from webob.exc import HTTPException, HTTPServiceUnavailable

from openstats.clouds.transport.redirects import refuse_foreign_redirects
from openstats.errors import UnauthenticatedError
from openstats.http import errors, request_id
from openstats.http.auth.circuit_breaker import CircuitBreaker
from openstats.http.auth.credential import GROUP, SERVICE_TYPE, TOKENS
from openstats.http.auth.strategy import UNKNOWN_CALLER
from openstats.http.errors import KeystoneUnavailableError
from openstats.http.receiver_urls import RECEIVERS

LOG = log.getLogger(__name__)

TOKEN, SERVICE, STATUS = "HTTP_X_AUTH_TOKEN", "HTTP_X_SERVICE_TOKEN", "HTTP_X_IDENTITY_STATUS"
CONFIRMED = "Confirmed"
VARIABLES = (STATUS, "keystone.token_auth", "keystone.token_info")
"""The keys that auth_token puts into an environment and that openstats reads."""

MAX_TOKENS = 10_000
PROTECTED = ("/api", "/stats")
NOT_ALLOWED = "openstats.not_allowed"
"""Key of the WSGI environment that says why access rules refuse the request."""

Validation = tuple[float, WSGIEnvironment]
"""When a token expires, in Unix seconds, and what auth_token put into the environment."""


class TokenCache:
    """In-process caches of tokens: one for auth_token, and one that bypasses auth_token.

    auth_token turns even a cached token into some thirty headers at each request, which openstats
    does not read. Entries of each cache expire after half of ``seconds``, so that no token is
    trusted for longer than ``seconds`` in total.
    """

    def __init__(self, seconds: int, clock: Callable[[], float]) -> None:
        self._answers: TTLCache[str, object] = TTLCache(MAX_TOKENS, seconds / 2, clock)
        self._validations: TTLCache[str, Validation] = TTLCache(MAX_TOKENS, seconds / 2, clock)
        self._clock, self._lock = clock, Lock()

    def get(self, key: str) -> object:
        """Return what Keystone answered about a token."""
        with self._lock:
            return self._answers.get(key)

    def set(self, key: str, value: object, time: int = 0) -> None:
        """Store what Keystone answered about a token."""
        with self._lock:
            self._answers[key] = value

    def recall(self, environ: WSGIEnvironment) -> WSGIEnvironment | None:
        """Return what auth_token put into the environment for this token, if still valid."""
        if SERVICE in environ or TOKEN not in environ:
            return None
        with self._lock:
            until, variables = self._validations.get(environ[TOKEN], (0.0, None))
        return variables if until > self._clock() else None

    def remember(self, environ: WSGIEnvironment) -> None:
        """Store what auth_token put into the environment, if it depends on the token alone."""
        if SERVICE in environ or TOKEN not in environ or environ[STATUS] != CONFIRMED:
            return
        delegated = environ["keystone.token_info"]["token"].get("application_credential", {})
        if delegated.get("access_rules") is None:
            until = environ["keystone.token_auth"].user.expires.timestamp()
            variables = {name: environ[name] for name in VARIABLES}
            with self._lock:
                self._validations[environ[TOKEN]] = until, variables


class AuthToken(auth_token.AuthProtocol):  # type: ignore[misc]
    """auth_token, with refusals that contain the error document."""

    def __init__(self, app: WSGIApplication, conf: dict[str, cfg.ConfigOpts]) -> None:
        super().__init__(app, conf)
        # auth_token checks access rules against the catalog; the header with it is not needed.
        self._include_service_catalog = False
        self._session.session.hooks["response"].append(refuse_foreign_redirects)
        self._breaker = CircuitBreaker()

    def validate_allowed_request(self, request: Request, token: dict[str, Any]) -> None:
        """Check a request against access rules; a token without a catalog matches none."""
        token = {"catalog": []} | token
        try:
            super().validate_allowed_request(request, token)
        except InvalidToken:
            request.environ[NOT_ALLOWED] = _not_allowed(request, token["catalog"])
            raise

    def process_request(self, request: Request) -> HTTPException | None:
        """Return None if the token is valid, or a refusal.

        A Keystone that does not answer blocks a thread until the timeout. The circuit breaker
        keeps it from blocking all threads.
        """
        if TOKEN in request.environ and self._breaker.open:
            return _documented(HTTPServiceUnavailable(), request.environ)
        began = self._breaker.clock()
        try:
            return super().process_request(request)
        except HTTPException as refusal:
            if refusal.status_int == 503:
                self._breaker.note_failure(began)
            return _documented(refusal, request.environ)
        except ClientException as error:
            # Raised when the service user cannot sign in, which auth_token does not handle.
            LOG.error("Keystone cannot validate a token: %s", error)
            self._breaker.note_failure(began)
            return _documented(HTTPServiceUnavailable(), request.environ)


def _not_allowed(request: Request, catalog: Sequence[Mapping[str, object]]) -> str:
    """Return why the access rules of an application credential refuse a request."""
    if all(service["type"] != SERVICE_TYPE for service in catalog):
        return (
            "access rules allow only services in the catalog, and it has no service "
            f"{SERVICE_TYPE}: ask an administrator of the cloud to register openstats there"
        )
    return (
        f"the access rules of the application credential do not allow {request.method} "
        f"{request.path}: it needs one with service {SERVICE_TYPE}, this method, and this path or "
        "a pattern such as /api/stats/**"
    )


def _documented(refusal: HTTPException, environ: WSGIEnvironment) -> HTTPException:
    """Return a refusal with the error document as its body."""
    error = UNAUTHENTICATED if refusal.status_int == 401 else UNAVAILABLE
    sentence = environ.get(NOT_ALLOWED, str(error))
    refusal.body = errors.document(
        refusal.status_int, error.code, error.title, (sentence,), request_id.current(environ)
    )
    refusal.content_type = "application/json"
    refusal.headers["Cache-Control"] = "no-store"
    if refusal.status_int == 503:
        refusal.headers["Retry-After"] = errors.RETRY_AFTER
    return refusal


UNAUTHENTICATED = UnauthenticatedError(UNKNOWN_CALLER)
UNAVAILABLE = KeystoneUnavailableError("the token cannot be validated now: ask again later")


def protect(
    app: WSGIApplication, conf: cfg.ConfigOpts, clock: Callable[[], float]
) -> WSGIApplication:
    """Return an application wrapped in auth_token; URLs outside ``PROTECTED`` need no token."""
    if conf[GROUP].memcached_servers:
        return _dispatch(AuthToken(app, {"oslo_config_config": conf}), app)
    cache = TokenCache(conf[GROUP].token_cache_time, clock)

    def remembering(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        cache.remember(environ)
        return app(environ, start_response)

    middleware: WSGIApplication = AuthToken(remembering, {"oslo_config_config": conf})

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if variables := cache.recall(environ):
            environ |= variables
            return app(environ, start_response)
        environ[TOKENS] = cache
        return middleware(environ, start_response)

    return _dispatch(guarded, app)


def _dispatch(guarded: WSGIApplication, app: WSGIApplication) -> WSGIApplication:
    """Return an application that uses ``guarded`` for URLs that need a token, else ``app``."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        # Receivers have tokens of their own; the list of receivers needs a Keystone token.
        to_receiver = path.startswith(RECEIVERS) and path != RECEIVERS
        has_own_token = to_receiver and TOKEN not in environ
        needs_token = path.startswith(PROTECTED) and not has_own_token
        return (guarded if needs_token else app)(environ, start_response)

    return application
