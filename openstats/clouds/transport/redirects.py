"""Redirects: keystoneauth sends token and password along, wherever a service points."""

from urllib.parse import urljoin

import requests
from keystoneauth1.exceptions import DiscoveryFailure
from requests.sessions import SessionRedirectMixin


class RedirectedError(DiscoveryFailure):
    """A service redirects to a server that must not see the credential.

    keystonemiddleware handles it as it handles a Keystone that does not answer.
    """


def refuse_foreign_redirects(response: requests.Response, *_: object, **__: object) -> None:
    """Refuse to follow a redirect to another server; one to the same server's https is followed.

    The rule is that of the requests library for passwords. This is a hook of that library, which
    calls it before keystoneauth sees the response.

    Raises:
        RedirectedError: the response points elsewhere.
    """
    # 300 is the status of Keystone's list of versions: nobody follows it.
    if not 300 < response.status_code < 400 or "Location" not in response.headers:
        return
    target = response.headers["Location"]
    if _is_foreign(response.url, target):
        response.close()
        raise RedirectedError(f"{response.url} points to {target}, where no credential is sent")


def _is_foreign(url: str, target: str) -> bool:
    try:
        return SessionRedirectMixin().should_strip_auth(url, urljoin(url, target))
    except ValueError:
        return True
