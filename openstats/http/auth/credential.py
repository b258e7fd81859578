"""The service user in [keystone_authtoken], as which the API queries Keystone about callers."""

from collections.abc import Sequence
from typing import Protocol

from keystoneauth1 import adapter, loading, session
from keystoneauth1.exceptions import ClientException
from keystonemiddleware import auth_token
from oslo_config import cfg

from openstats.clouds.transport.redirects import refuse_foreign_redirects
from openstats.errors import ConfigError
from openstats.http.auth.loopback import is_loopback

IdentityClient = adapter.Adapter
"""A client of Keystone's API that signs in as the service user."""

GROUP = "keystone_authtoken"
TOKENS = "openstats.tokens"
"""Key of the WSGI environment in which auth_token finds its cache."""

TIMEOUT = 5
"""Seconds to wait for Keystone; the default of http_connect_timeout."""

ENCRYPTED = ("MAC", "ENCRYPT")
PASSWORD_TYPES = ("password", "v3password")
SERVICE_TYPE = "statistics"
DEFAULTS = {
    "service_type": SERVICE_TYPE,
    "cache": TOKENS,
    # keystonemiddleware's defaults are no timeout and three retries.
    "http_connect_timeout": TIMEOUT,
    "http_request_max_retries": 1,
}


class CredentialOptions(Protocol):
    """The options of [keystone_authtoken] that openstats checks itself."""

    auth_type: str | None
    memcached_servers: Sequence[str] | None
    memcache_security_strategy: str


def password_options() -> list[cfg.Opt]:
    """Return the options of password authentication, which is the most common."""
    common_options = loading.get_auth_common_conf_options()
    return [*common_options, *loading.get_auth_plugin_conf_options("password")]


def declare_options(conf: cfg.ConfigOpts) -> cfg.ConfigOpts:
    """Return the configuration with auth_token's options and openstats' defaults for them.

    Raises:
        ConfigError: there is no credential to validate tokens with, or tokens would be sent
            unencrypted to memcached on another machine.
    """
    for group, options in auth_token.list_opts():
        conf.register_opts(options, group=group)
    for name, value in DEFAULTS.items():
        conf.set_default(name, value, group=GROUP)
    loading.register_auth_conf_options(conf, GROUP)
    _check(conf[GROUP])
    return conf


def _check(options: CredentialOptions) -> None:
    if not options.auth_type:
        raise ConfigError(
            f"[{GROUP}] auth_type: auth_strategy = keystone needs a credential that may validate "
            "tokens: auth_type = password, auth_url, username, password, project_name and domains"
        )
    remote = [server for server in options.memcached_servers or () if not _is_local(server)]
    if remote and options.memcache_security_strategy not in ENCRYPTED:
        raise ConfigError(
            f"[{GROUP}] memcached_servers = {', '.join(remote)} are other machines: set "
            "memcache_security_strategy = ENCRYPT, and memcache_secret_key"
        )


def _is_local(memcached_server: str) -> bool:
    """Return whether HOST:PORT, inet6:[ADDRESS]:PORT or unix:PATH is on this machine."""
    if memcached_server.startswith("unix:"):
        return True
    return is_loopback(memcached_server.removeprefix("inet6:"))


def identity_client(conf: cfg.ConfigOpts) -> IdentityClient:
    """Return a Keystone client that signs in as the service user; options must be declared.

    Raises:
        ConfigError: the credential is unusable, or has no password.
    """
    try:
        keystone_session = _session(conf)
    except ClientException as error:
        raise ConfigError(f"[{GROUP}] cannot be used: {error}") from error
    if conf[GROUP].auth_type in PASSWORD_TYPES and not conf[GROUP].password:
        raise ConfigError(f"[{GROUP}] has no password: set that of the user who validates tokens")
    return IdentityClient(
        keystone_session,
        service_type="identity",
        interface=conf[GROUP].interface,
        min_version="3",
        max_version="3.latest",
    )


def _session(conf: cfg.ConfigOpts) -> session.Session:
    """Return a session with the credential that validates tokens."""
    options = conf[GROUP]
    keystone_session = loading.session.Session().load_from_options(
        auth=loading.load_auth_from_conf_options(conf, GROUP),
        cacert=options.cafile,
        cert=options.certfile,
        key=options.keyfile,
        insecure=options.insecure,
        timeout=options.http_connect_timeout,
    )
    keystone_session.session.hooks["response"].append(refuse_foreign_redirects)
    return keystone_session
