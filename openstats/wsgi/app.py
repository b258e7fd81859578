"""The application: puts routes, security, errors and what every request needs together."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED

from openstats.api import public_endpoints
from openstats.api.alerts import receivers, refusals
from openstats.api.registry.resources import ACTING, READING, Resource
from openstats.api.registry.views import ENTRY_VIEWS, LIST_VIEWS, View, act
from openstats.api.routes import METHODS, RESOURCES, ROOTS, STATISTICS, Statistic
from openstats.http import access_log, answer, errors
from openstats.http.parameters import parse
from openstats.http.receiver_urls import RECEIVERS
from openstats.http.request import Request
from openstats.http.server.health import Health
from openstats.storage.store import Store
from openstats.wsgi import strategies

CLOSED = "openstats:closed"
"""The permission of a view that has none: nobody's."""


def make_app(
    conf: Any,
    store: Store,
    clock: Callable[[], float] = time.time,
    *,
    trusted: str | None = None,
    health: Health | None = None,
) -> Any:
    """Make the WSGI application.

    Args:
        conf: the configuration.
        store: what is answered from.
        clock: gives Unix seconds.
        trusted: the name of who asks, where that is this process, whatever the strategy for others.
        health: what /healthcheck answers; by default whether the store can be used.
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


def _add_statistic(config: Any, statistic: Statistic) -> None:
    for root in ROOTS:
        # Pyramid's patterns match whole paths: the slash at the end may be missing.
        name = f"{root}/{statistic.name}"
        config.add_route(name, f"{root}/{statistic.name}{{slash:/?}}")
        config.add_view(
            _answering(statistic),
            route_name=name,
            request_method=METHODS,
            permission=statistic.permission,
        )
        config.add_view(
            errors.not_allowed_view(METHODS),
            route_name=name,
            permission=NO_PERMISSION_REQUIRED,
        )


def _answering(statistic: Statistic) -> Callable[[Any], Response]:
    """Put what all statistics share around a view: typed parameters, coverage, caching."""

    def view(request: Any) -> Response:
        parameters = parse(statistic.parameters, request.environ.get("QUERY_STRING", ""))
        return answer.render(
            statistic.view(request, parameters),
            request.environ,
            strict=parameters.strict,
            now=request.now,
        )

    return view


def _add_resource(config: Any, resource: Resource) -> None:
    _add_views(config, resource, resource.url, LIST_VIEWS)
    _add_views(config, resource, resource.entry_url, ENTRY_VIEWS)
    if resource.actions:
        _add_actions(config, resource)


def _add_views(config: Any, resource: Resource, url: str, views: Mapping[str, View]) -> None:
    """Add the views of a URL; the rule for writing is another one than that for reading."""
    methods = resource.methods[url]
    config.add_route(url, f"{url[:-1]}{{slash:/?}}")
    for part in (READING, methods[len(READING) :]):
        if part:
            config.add_view(
                lambda request: views[request.method](resource, request),
                route_name=url,
                request_method=part,
                permission=resource.permission(part[0]),
            )
    config.add_view(
        errors.not_allowed_view(methods), route_name=url, permission=NO_PERMISSION_REQUIRED
    )


def _add_actions(config: Any, resource: Resource) -> None:
    name = f"{resource.url}action"
    actions = "|".join(resource.actions)
    config.add_route(name, f"{resource.entry_url}{{action:{actions}}}{{slash:/?}}")
    config.add_view(
        lambda request: act(resource, request),
        route_name=name,
        request_method=ACTING,
        permission=resource.permission(ACTING[0]),
    )
    config.add_view(
        errors.not_allowed_view(ACTING), route_name=name, permission=NO_PERMISSION_REQUIRED
    )
