"""Checks of options against each other, and of the form of texts."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from oslo_config import cfg

from openstats.conf import alerts

ORIGIN = re.compile(r"https?://[^/\s]+")


def problems(conf: cfg.ConfigOpts) -> Iterator[str]:
    """Yield a sentence for each problem."""
    yield from _timeouts(conf)
    yield from _threads(conf)
    for name in conf.alerts.receivers:
        yield from _receiver(name, conf[f"{alerts.PREFIX}{name}"])
    yield from _thresholds(conf.alerts)


def _timeouts(conf: cfg.ConfigOpts) -> Iterator[str]:
    request, store = conf.api.request_timeout, conf.database.request_timeout
    if store >= request:
        yield (
            f"[database] request_timeout = {store:g} must be less than [api] request_timeout = "
            f"{request:g}: otherwise the store is not interrupted before the request ends"
        )


def _threads(conf: cfg.ConfigOpts) -> Iterator[str]:
    options, location = conf.api, conf.get_location("write_threads", "api")
    is_given = location is not None and location.location.is_user_controlled
    if is_given and 1 < options.threads <= options.write_threads:
        yield (
            f"[api] write_threads = {options.write_threads} must be less than threads = "
            f"{options.threads}: one thread is reserved for reading requests"
        )


def of_libraries(libraries: cfg.ConfigOpts) -> Iterator[str]:
    """Yield a sentence for each origin of [cors] that matches no origin."""
    origins = libraries.cors.allowed_origin if "cors" in libraries else None
    for origin in origins or ():
        if origin != "*" and not ORIGIN.fullmatch(origin):
            yield (
                f"[cors] allowed_origin = {origin} matches no origin: must be as browsers send it, "
                "https://HOST or https://HOST:PORT without a path, or *"
            )


def _receiver(name: str, options: cfg.ConfigOpts.GroupAttr) -> Iterator[str]:
    group = f"[{alerts.PREFIX}{name}]"
    advice = f"'openstats receiver token {name}' creates a token"
    if not options.token_hash and not options.keystone:
        yield (
            f"{group} has neither token_hash nor keystone = true, so it accepts no notifications. "
            f"{advice}"
        )
    if options.token_hash and not re.fullmatch(alerts.HASH, options.token_hash):
        yield (
            f"{group} token_hash must be 64 hexadecimal digits, the hash of a token and not the "
            f"token itself. {advice} and its hash"
        )
    for url in options.api_urls:
        if not _is_url(url):
            yield (
                f"{group} api_urls: {url} must be an http or https URL of an Alertmanager, such as "
                "http://alertmanager-0:9093"
            )


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _thresholds(options: cfg.ConfigOpts.GroupAttr) -> Iterator[str]:
    pairs = {
        "quota_warning and quota_error": (options.quota_warning, options.quota_error),
        "capacity_warning and capacity_error": (options.capacity_warning, options.capacity_error),
    }
    for customer, pair in options.quota_of_customers.items():
        warning, error = map(float, pair.split("/"))
        pairs[f"quota_of_customers of {customer}"] = warning, error
    for names, (warning, error) in pairs.items():
        if warning > error:
            yield (
                f"[alerts] {names}: the threshold of a Warning, {warning:g} %, is above that of an "
                f"Error, {error:g} %: no Warning is ever raised"
            )
