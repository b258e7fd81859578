"""The comparison of auth_urls: two spellings of the same URL are equal."""

from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}
VERSIONS = ("/v3", "/v2.0")


def compared(url: str) -> str:
    """Return a URL's compared form: lower-case scheme and host, no default port, version or slash.

    Raises:
        ValueError: it is not an http or https URL with a host.
    """
    parts = urlsplit(url.strip())
    scheme = parts.scheme
    if scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"not an http(s) URL of a host: {url!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = f":{parts.port}" if parts.port and parts.port != PORTS[scheme] else ""
    return f"{scheme}://{host}{port}{_unversioned(parts.path)}"


def is_url(url: str) -> bool:
    """Return whether a URL has a compared form."""
    try:
        compared(url)
    except ValueError:
        return False
    return True


def _unversioned(path: str) -> str:
    path = path.rstrip("/")
    while path.endswith(VERSIONS):
        path = path[: path.rindex("/")].rstrip("/")
    return path
