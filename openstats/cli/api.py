"""The API as commands ask it: that of a server, or the application itself in this process.

Without ``--url`` the very views that answer over HTTP answer here, to an admin of this machine.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from openstats.errors import OpenstatsError

SECONDS = 60
MEDIA_TYPE = "application/json"


class Answer(NamedTuple):
    """What the API answered: None where there is no document."""

    status: int
    document: Any
    headers: Mapping[str, str]


Send = Callable[[str, str, Any], Answer]
"""Sends a method to a URL below the API's, with a document or None."""


class Api:
    """The API that the global options name."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def ask(
        self,
        path: str,
        *,
        query: Iterable[tuple[str, Any]] = (),
        method: str = "GET",
        body: Any = None,
    ) -> Answer:
        """Return what the API answers.

        Raises:
            OpenstatsError: with the sentences of the error document.
        """
        parameters = urlencode(list(query))
        answer = self._send(method, f"{path}?{parameters}" if parameters else path, body)
        if answer.status >= 300:
            raise OpenstatsError("; ".join(_sentences(answer)))
        return answer


def api(app: Any) -> Api:
    """Return the API of ``--url``, or else the application on the store of the configuration."""
    options = app.options
    if options.url:
        return Api(_server(options.url, options.token))
    from openstats.api import inside

    send = inside.sender(app.conf, app.store)
    return Api(lambda method, url, document: Answer(*send(method, url, document)))


def _sentences(answer: Answer) -> list[str]:
    try:
        return [error["detail"] for error in answer.document["errors"]]
    except (LookupError, TypeError):
        return [f"the server answered {answer.status}, and nothing that openstats answers"]


class _NoRedirects(HTTPRedirectHandler):
    """A token goes to the server that was named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        """Follow no redirect: it is an error by its status."""


def _server(url: str, token: str | None) -> Send:
    if urlsplit(url).scheme not in ("http", "https"):
        raise OpenstatsError(f"--url {url}: it must begin with http:// or https://")
    opener = build_opener(_NoRedirects)
    headers = {"Accept": MEDIA_TYPE} | ({"X-Auth-Token": token} if token else {})

    def send(method: str, path: str, body: Any) -> Answer:
        content = None if body is None else json.dumps(body).encode()
        typed = headers if content is None else headers | {"Content-Type": MEDIA_TYPE}
        # The scheme was looked at above.
        request = Request(url.rstrip("/") + path, content, typed, method=method)  # noqa: S310
        try:
            with opener.open(request, timeout=SECONDS) as response:
                return _read(response.status, response)
        except HTTPError as error:
            with error:
                return _read(error.code, error)
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise OpenstatsError(f"{url} does not answer: {reason}") from error

    return send


def _read(status: int, response: Any) -> Answer:
    text = response.read()
    try:
        document = json.loads(text) if text else None
    except ValueError:
        document = None
    return Answer(status, document, response.headers)
