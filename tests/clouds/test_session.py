"""The session: whichever client asks, a refused call is keystoneauth's error with its response."""

from collections.abc import Callable
from copy import copy
from typing import Any

import cinderclient.client
import novaclient.client
import pytest
import requests
from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions import NotFound, ServiceUnavailable
from keystoneauth1.noauth import NoAuth
from requests.adapters import BaseAdapter

from openstats.clouds.transport.session import CloudSession

URL = "http://service.example.com/v2.1"


class Refusals(BaseAdapter):
    """Answers each request alike."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__()
        self.status, self.headers = status, headers

    def send(self, request: Any, **_: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.request, response.url = self.status, request, request.url
        response.headers.update(self.headers)
        response._content = b"{}"
        return response

    def close(self) -> None:
        pass


def session_with(status: int, **headers: str) -> CloudSession:
    transport = requests.Session()
    transport.mount("http://", Refusals(status, headers))
    return CloudSession(auth=NoAuth(endpoint=URL), session=transport)


def nova(session: CloudSession) -> Any:
    client = novaclient.client.Client("2.87", session=session, endpoint_override=URL)
    return client.servers.get("1")


def cinder(session: CloudSession) -> Any:
    client = cinderclient.client.Client("3.70", session=session, endpoint_override=URL)
    return client.volumes.get("1")


def placement(session: CloudSession) -> Any:
    adapter = Adapter(session=session, service_type="placement", endpoint_override=URL)
    return adapter.get("/resource_providers")


@pytest.mark.parametrize("call", [nova, cinder, placement])
def test_clients_raise_keystoneauth_s_error_with_its_response(call: Callable[..., Any]) -> None:
    with pytest.raises(NotFound) as raised:
        call(session_with(404, **{"Retry-After": "7"}))
    assert raised.value.response is not None
    assert raised.value.response.headers["Retry-After"] == "7"


def test_plugins_that_sign_in_may_look_at_refusals() -> None:
    response = session_with(404).get(URL, raise_exc=False, authenticated=False)
    assert response.status_code == 404


def test_a_copy_knows_the_pauses_requested_of_its_own_calls() -> None:
    session = session_with(503, **{"Retry-After": "7"})
    discovery = copy(session)
    with pytest.raises(ServiceUnavailable):
        discovery.get(URL)
    assert (session.requested_pause, discovery.requested_pause) == (0, 7)
