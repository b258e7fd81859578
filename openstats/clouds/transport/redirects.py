"""Redirects: keystoneauth sends token and password along, wherever a service points."""

from typing import Any
from urllib.parse import urljoin

from keystoneauth1.exceptions import DiscoveryFailure
from requests.sessions import SessionRedirectMixin


class RedirectedError(DiscoveryFailure):
    """A service sends its callers to somebody who may not see their credential.

    keystonemiddleware takes it for a Keystone that does not answer, as other DiscoveryFailures.
    """


def refuse_foreign_redirects(response: Any, *_: object, **__: object) -> None:
    """Follow redirects within a server, or to its https, only; as requests does with a password.

    A hook of the requests library, which calls it before keystoneauth sees the answer.

    Raises:
        RedirectedError: it points elsewhere.
    """
    # 300 is how Keystone tells its versions, and nobody goes there.
    if not 300 < response.status_code < 400 or "Location" not in response.headers:
        return
    there = response.headers["Location"]
    if _is_elsewhere(response.url, there):
        response.close()
        raise RedirectedError(f"{response.url} points to {there}, where no credential is sent")


def _is_elsewhere(here: str, there: str) -> bool:
    try:
        return SessionRedirectMixin().should_strip_auth(here, urljoin(here, there))
    except ValueError:
        return True
