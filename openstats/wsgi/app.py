"""Assembly of the WSGI application: routes, authentication, errors and middleware."""

import time
from collections.abc import Callable, Mapping
from wsgiref.types import WSGIApplication

from oslo_config import cfg
from pyramid.config import Configurator

from openstats.api import public_endpoints
from openstats.api.alerts import receivers, refusals
from openstats.api.registry.resources import ACTING, Resource
from openstats.api.registry.views import ENTRY_VIEWS, LIST_VIEWS, View, act
from openstats.api.routes import RESOURCES, ROOTS, STATISTICS, Statistic
from openstats.http import access_log, answer, errors
from openstats.http.cors import allow_origins
from openstats.http.proxies import trust_proxy
from openstats.http.receiver_urls import RECEIVERS
from openstats.http.request import READ_METHODS, Request
from openstats.http.server.health import Health
from openstats.storage.store import Store
from openstats.wsgi import strategies

CLOSED = "openstats:closed"
"""The default permission of views, which no rule grants to anybody."""


def make_app(
    conf: cfg.ConfigOpts,
    store: Store,
    clock: Callable[[], float] = time.time,
    *,
    trusted: str | None = None,
    health: Health | None = None,
) -> WSGIApplication:
    """Return the WSGI application.

    Args:
        conf: the configuration.
        store: the store that requests are answered from.
        clock: returns Unix seconds.
        trusted: the name of the caller if this process itself is the only caller; it is an admin,
            whatever the configured strategy.
        health: the health that /healthcheck reports; by default, whether the store is usable.
    """
    with Configurator() as config:
        config.set_security_policy(strategies.choose(conf, clock, trusted=trusted))
        config.set_default_permission(CLOSED)
        config.set_request_factory(Request)
        config.registry.conf, config.registry.store, config.registry.clock = conf, store, clock
        config.registry.health = health or Health({"store": store.check})
        config.include(errors)
        config.include(public_endpoints)
        for statistic in STATISTICS:
            _add_statistic(config, statistic)
        config.include(receivers)
        for resource in RESOURCES:
            _add_resource(config, resource)
        app = strategies.protect(config.make_wsgi_app(), conf, clock, trusted=trusted is not None)
        app = refusals.around(app, config.registry.refusals, RECEIVERS)
        return access_log.log_requests(app, lines=conf.api.access_log and trusted is None)


def make_service(conf: cfg.ConfigOpts, store: Store, health: Health) -> WSGIApplication:
    """Return the application as callers on the network reach it: with CORS and behind proxies."""
    return trust_proxy(allow_origins(make_app(conf, store, health=health), conf), conf)


def _add_statistic(config: Configurator, statistic: Statistic) -> None:
    view = answer.statistic_view(statistic.view, statistic.parameters)
    for root in ROOTS:
        url = f"{root}/{statistic.name}/"
        config.add_route(url, _with_or_without_slash(url))
        config.add_view(
            view, route_name=url, request_method=READ_METHODS, permission=statistic.permission
        )
        errors.refuse_other_methods(config, url, READ_METHODS)


def _add_resource(config: Configurator, resource: Resource) -> None:
    _add_views(config, resource, resource.url, LIST_VIEWS)
    _add_views(config, resource, resource.entry_url, ENTRY_VIEWS)
    if resource.actions:
        _add_actions(config, resource)


def _add_views(
    config: Configurator, resource: Resource, url: str, views: Mapping[str, View]
) -> None:
    """Add the views of a URL; reading and writing have separate permissions."""
    methods = resource.methods[url]
    config.add_route(url, _with_or_without_slash(url))
    for part in (READ_METHODS, methods[len(READ_METHODS) :]):
        if part:
            config.add_view(
                lambda request: views[request.method](resource, request),
                route_name=url,
                request_method=part,
                permission=resource.permission(part[0]),
            )
    errors.refuse_other_methods(config, url, methods)


def _add_actions(config: Configurator, resource: Resource) -> None:
    name = f"{resource.url}action"
    actions = "|".join(resource.actions)
    config.add_route(name, _with_or_without_slash(f"{resource.entry_url}{{action:{actions}}}/"))
    config.add_view(
        lambda request: act(resource, request),
        route_name=name,
        request_method=ACTING,
        permission=resource.permission(ACTING[0]),
    )
    errors.refuse_other_methods(config, name, ACTING)


def _with_or_without_slash(url: str) -> str:
    """Return a route pattern that matches a URL with and without its last slash."""
    return f"{url[:-1]}{{slash:/?}}"
