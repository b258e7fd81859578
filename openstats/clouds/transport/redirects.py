"""A guard against redirects: keystoneauth sends tokens and passwords to any target."""

from urllib.parse import urljoin

import requests
from keystoneauth1.exceptions import DiscoveryFailure
from requests.sessions import SessionRedirectMixin


class RedirectedError(DiscoveryFailure):
    """A service redirects to a server that must not see the credential.

    For keystonemiddleware this error means that Keystone does not answer.
    """


def refuse_foreign_redirects(response: requests.Response, *_: object, **__: object) -> None:
    """Refuse a redirect to another server; allow one to https on the same server.

    The rule is that of the requests library for passwords. This function is a response hook of
    requests, which runs before keystoneauth sees the response.

    Raises:
        RedirectedError: the response redirects to another server.
    """
    # 300 is the status of Keystone's list of versions, and not followed.
    if not 300 < response.status_code < 400 or "Location" not in response.headers:
        return
    target = response.headers["Location"]
    if _is_foreign(response.url, target):
        response.close()
        raise RedirectedError(
            f"{response.url} redirects to {target}, to which no credential is sent"
        )


def _is_foreign(url: str, target: str) -> bool:
    try:
        return SessionRedirectMixin().should_strip_auth(url, urljoin(url, target))
    except ValueError:
        return True
