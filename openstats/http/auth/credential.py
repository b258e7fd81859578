"""Keystone's tokens: keystonemiddleware's auth_token outside the application."""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from cachetools import TTLCache
from keystoneauth1 import adapter, loading, session
from keystoneauth1.exceptions import ClientException
from keystonemiddleware import auth_token
from keystonemiddleware.auth_token._exceptions import InvalidToken
from oslo_config import cfg
from oslo_log import log
from oslo_middleware.request_id import ENV_REQUEST_ID
from webob.exc import HTTPException, HTTPServiceUnavailable

from openstats.auth_url import compared
from openstats.clouds.services.user_groups import UserGroups
from openstats.clouds.transport.redirects import refuse_foreign_redirects
from openstats.errors import ConfigError, UnauthenticatedError
from openstats.http import errors
from openstats.http.auth.circuit_breaker import Breaker
from openstats.http.auth.policy import Policy
from openstats.http.auth.strategy import CONFIRMED, UNKNOWN_CALLER, Keystone
from openstats.http.errors import KeystoneUnavailableError
from openstats.http.receiver_urls import RECEIVERS
from openstats.storage.access.scopes import Issuer

LOG = log.getLogger(__name__)

GROUP = "keystone_authtoken"
TOKENS = "openstats.tokens"
"""Where auth_token finds the cache in the environment of a request."""

TOKEN, SERVICE, STATUS = "HTTP_X_AUTH_TOKEN", "HTTP_X_SERVICE_TOKEN", "HTTP_X_IDENTITY_STATUS"
LEFT = (STATUS, "keystone.token_auth", "keystone.token_info")
"""What of auth_token's is looked at."""

MOST = 10_000
SECONDS = 5
"""How long Keystone may keep silent, where http_connect_timeout does not say."""

PROTECTED = ("/api", "/stats")
ENCRYPTED = ("MAC", "ENCRYPT")
PASSWORD_TYPES = ("password", "v3password")
LOCAL = ("127.0.0.1", "localhost", "[::1]", "inet6:[::1]", "unix:")
SERVICE_TYPE = "statistics"
DEFAULTS = {
    "service_type": SERVICE_TYPE,
    "cache": TOKENS,
    # keystonemiddleware would wait without end, four times.
    "http_connect_timeout": SECONDS,
    "http_request_max_retries": 1,
}
NOT_ALLOWED = "openstats.not_allowed"
"""Where the environment of a request says why access rules refuse it."""

Known = tuple[float, dict[str, Any]]
"""Until when a token is good, and what auth_token left of it."""


class Tokens:
    """Valid tokens, in process: for auth_token, and beside it for requests that need no more.

    auth_token turns a token that it knows into some thirty headers at each request, which nobody
    reads here. Each of both forgets after half of the time that a token may be remembered.
    """

    def __init__(self, seconds: int, clock: Callable[[], float]) -> None:
        self._told: TTLCache[str, Any] = TTLCache(MOST, seconds / 2, clock)
        self._known: TTLCache[str, Known] = TTLCache(MOST, seconds / 2, clock)
        self._clock, self._lock = clock, Lock()

    def get(self, key: str) -> Any:
        """Give what Keystone told of a token."""
        with self._lock:
            return self._told.get(key)

    def set(self, key: str, value: Any, time: int = 0) -> None:
        """Keep what Keystone told of a token."""
        with self._lock:
            self._told[key] = value

    def recall(self, environ: Mapping[str, Any]) -> dict[str, Any] | None:
        """Give what auth_token left in the environment of an earlier request, if it still holds."""
        if SERVICE in environ or TOKEN not in environ:
            return None
        with self._lock:
            until, found = self._known.get(environ[TOKEN], (0.0, None))
        return found if until > self._clock() else None

    def remember(self, environ: Mapping[str, Any]) -> None:
        """Keep what auth_token left, unless it depends on more than the token itself."""
        if SERVICE in environ or TOKEN not in environ or environ[STATUS] != CONFIRMED:
            return
        delegated = environ["keystone.token_info"]["token"].get("application_credential", {})
        if delegated.get("access_rules") is None:
            until = environ["keystone.token_auth"].user.expires.timestamp()
            with self._lock:
                self._known[environ[TOKEN]] = until, {name: environ[name] for name in LEFT}


class AuthToken(auth_token.AuthProtocol):  # type: ignore[misc]
    """auth_token, whose refusals speak the error document."""

    def __init__(self, app: Any, conf: dict[str, Any]) -> None:
        super().__init__(app, conf)
        # Access rules are held against the catalog, but nobody here reads it from a header.
        self._include_service_catalog = False
        self._session.session.hooks["response"].append(refuse_foreign_redirects)
        self._breaker = Breaker()

    def validate_allowed_request(self, request: Any, token: dict[str, Any]) -> None:
        """Hold a request against access rules; without a catalog there is none that allows it."""
        known = {"catalog": []} | token
        try:
            super().validate_allowed_request(request, known)
        except InvalidToken:
            request.environ[NOT_ALLOWED] = _not_allowed(request, known["catalog"])
            raise

    def process_request(self, request: Any) -> Any:
        """Return None for a caller who is known, or a refusal.

        A Keystone that is silent takes a thread for as long as it is waited for: all threads, were
        each request to find out for itself.
        """
        if TOKEN in request.environ and self._breaker.open:
            return _documented(HTTPServiceUnavailable(), request.environ)
        began = self._breaker.clock()
        try:
            return super().process_request(request)
        except HTTPException as refusal:
            if refusal.status_int == 503:
                self._breaker.failed(began)
            return _documented(refusal, request.environ)
        except ClientException as error:
            # Raised by signing in as the service user, which auth_token does not foresee.
            LOG.error("whether a token is valid, Keystone does not say: %s", error)
            self._breaker.failed(began)
            return _documented(HTTPServiceUnavailable(), request.environ)


def _not_allowed(request: Any, catalog: list[dict[str, Any]]) -> str:
    """Return why the access rules of an application credential refuse a request."""
    if all(service["type"] != SERVICE_TYPE for service in catalog):
        return (
            f"access rules are held against the catalog, and it has no service {SERVICE_TYPE}: "
            "ask an administrator of the cloud to register openstats there"
        )
    return (
        f"the access rules of the application credential do not allow {request.method} "
        f"{request.path}: it needs one with service {SERVICE_TYPE}, this method, and this path or "
        "a pattern such as /api/stats/**"
    )


def _documented(refusal: Any, environ: Mapping[str, Any]) -> Any:
    error = UNAUTHENTICATED if refusal.status_int == 401 else UNAVAILABLE
    sentence = environ.get(NOT_ALLOWED, str(error))
    refusal.body = errors.document(
        refusal.status_int, error.code, error.title, (sentence,), environ[ENV_REQUEST_ID]
    )
    refusal.content_type = "application/json"
    refusal.headers["Cache-Control"] = "no-store"
    if refusal.status_int == 503:
        refusal.headers["Retry-After"] = errors.RETRY_AFTER
    return refusal


UNAUTHENTICATED = UnauthenticatedError(UNKNOWN_CALLER)
UNAVAILABLE = KeystoneUnavailableError("whether the token is valid cannot be told now")


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options of the way to sign in that most use, for the sample."""
    options = [
        *loading.get_auth_common_conf_options(),
        *loading.get_auth_plugin_conf_options("password"),
    ]
    return [(GROUP, options)]


def prepared(conf: cfg.ConfigOpts) -> cfg.ConfigOpts:
    """Declare auth_token's options, with the defaults that openstats has for them.

    Raises:
        ConfigError: tokens would leave this machine unprotected, or nobody could validate them.
    """
    for group, options in auth_token.list_opts():
        conf.register_opts(options, group=group)
    for name, value in DEFAULTS.items():
        conf.set_default(name, value, group=GROUP)
    loading.register_auth_conf_options(conf, GROUP)
    _check(conf[GROUP])
    return conf


def _check(options: Any) -> None:
    if not options.auth_type:
        raise ConfigError(
            f"[{GROUP}] auth_type: auth_strategy = keystone needs a credential that may validate "
            "tokens: auth_type = password, auth_url, username, password, project_name and domains"
        )
    far = [s for s in options.memcached_servers or () if not s.startswith(LOCAL)]
    if far and options.memcache_security_strategy not in ENCRYPTED:
        raise ConfigError(
            f"[{GROUP}] memcached_servers = {', '.join(far)} are other machines: set "
            "memcache_security_strategy = ENCRYPT, and memcache_secret_key"
        )


def strategy(conf: cfg.ConfigOpts, policy: Policy, clock: Callable[[], float]) -> Keystone:
    """Make the strategy keystone."""
    options = prepared(conf)[GROUP]
    # The credential's own options, auth_url among them, are declared by this.
    groups = UserGroups(identity(conf), clock)
    urls = {options.auth_url, options.www_authenticate_uri} - {None}
    issuer = Issuer(conf.identity.clouds, sorted(map(compared, urls)))
    return Keystone(policy, conf.identity, issuer, groups)


def identity(conf: cfg.ConfigOpts) -> adapter.Adapter:
    """Make the client of Keystone that signs in as the service user, from prepared options.

    Raises:
        ConfigError: the credential is none.
    """
    try:
        made = _session(conf)
    except ClientException as error:
        raise ConfigError(f"[{GROUP}] cannot be used: {error}") from error
    if conf[GROUP].auth_type in PASSWORD_TYPES and not conf[GROUP].password:
        raise ConfigError(f"[{GROUP}] has no password: set that of the user who validates tokens")
    return adapter.Adapter(
        made,
        service_type="identity",
        interface=conf[GROUP].interface,
        min_version="3",
        max_version="3.latest",
    )


def _session(conf: cfg.ConfigOpts) -> session.Session:
    """Make openstats' own session, with the credential that validates tokens."""
    options = conf[GROUP]
    made = loading.session.Session().load_from_options(
        auth=loading.load_auth_from_conf_options(conf, GROUP),
        cacert=options.cafile,
        cert=options.certfile,
        key=options.keyfile,
        insecure=options.insecure,
        timeout=options.http_connect_timeout,
    )
    made.session.hooks["response"].append(refuse_foreign_redirects)
    return made


def protected(app: Any, conf: cfg.ConfigOpts, clock: Callable[[], float]) -> Any:
    """Put auth_token around an application; health, version and document need no token."""
    if conf[GROUP].memcached_servers:
        return _inside(AuthToken(app, {"oslo_config_config": conf}), app)
    tokens = Tokens(conf[GROUP].token_cache_time, clock)

    def confirmed(environ: dict[str, Any], start_response: Any) -> Any:
        tokens.remember(environ)
        return app(environ, start_response)

    asking = AuthToken(confirmed, {"oslo_config_config": conf})

    def dispatch(environ: dict[str, Any], start_response: Any) -> Any:
        if known := tokens.recall(environ):
            environ |= known
            return app(environ, start_response)
        environ[TOKENS] = tokens
        return asking(environ, start_response)

    return _inside(dispatch, app)


def _inside(guarded: Any, app: Any) -> Any:
    def dispatch(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        # A receiver's token is not Keystone's; their list is for callers as all others are.
        receiver = path.startswith(RECEIVERS) and path != RECEIVERS
        own = receiver and TOKEN not in environ
        inside = path.startswith(PROTECTED) and not own
        return (guarded if inside else app)(environ, start_response)

    return dispatch
