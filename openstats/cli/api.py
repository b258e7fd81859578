"""The API as commands ask it: that of a server, or the application itself in this process.

Without ``--url`` the very views that answer over HTTP answer here, to an admin of this machine.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from http.client import HTTPException
from ssl import SSLCertVerificationError, SSLError
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from openstats.cli.author import author
from openstats.errors import OpenstatsError
from openstats.names import escaped

if TYPE_CHECKING:
    from openstats.cli.main import Openstats

SECONDS = 60
MEDIA_TYPE = "application/json"
NO_CONTENT, UNAUTHORIZED = 204, 401
NOTHING_THERE = "openstats.route.unknown"
TAKES = "--url (OPENSTATS_URL) must be the URL of openstats, as http://HOST:PORT"
FOREIGN = f"the server answered {{status}}, but not as openstats does: {TAKES}"
SIGN_IN = "set OPENSTATS_TOKEN or --token to the output of 'openstack token issue -f value -c id'"


class ApiResponse(NamedTuple):
    """What the API answered: None where there is no document."""

    status: int
    document: Any
    headers: Mapping[str, str]


Send = Callable[[str, str, Any], ApiResponse]
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
    ) -> ApiResponse:
        """Return what the API answers.

        Raises:
            OpenstatsError: with the sentences of the error document.
        """
        parameters = urlencode(list(query))
        answer = self._send(method, f"{path}?{parameters}" if parameters else path, body)
        if answer.status >= 300:
            raise OpenstatsError("; ".join(map(escaped, _sentences(answer))))
        if answer.document is None and answer.status != NO_CONTENT:
            raise foreign(answer)
        return answer

    def entries(self, path: str, key: str, query: Iterable[tuple[str, Any]]) -> list[Any]:
        """Return the entries on one page of a list.

        Raises:
            OpenstatsError: with the sentences of the error document, or what answered has no list.
        """
        return listed(self.ask(path, query=query), key)


def api(app: "Openstats") -> Api:
    """Return the API of ``--url``, or else the application on the store of the configuration."""
    options = app.options
    if options.url:
        return Api(_server(options.url, options.token))
    from openstats.wsgi import in_process

    send = in_process.sender(app.conf, app.store, author("command"))
    return Api(lambda method, url, document: ApiResponse(*send(method, url, document)))


def listed(answer: ApiResponse, key: str) -> list[Any]:
    """Return the entries that an answer lists.

    Raises:
        OpenstatsError: it has no such list.
    """
    try:
        return [*answer.document[key]]
    except (LookupError, TypeError):
        raise foreign(answer) from None


def foreign(answer: ApiResponse) -> OpenstatsError:
    """Return the error that something else than openstats answered."""
    return OpenstatsError(FOREIGN.format(status=answer.status))


def _sentences(answer: ApiResponse) -> list[str]:
    try:
        details = [_sentence(error) for error in answer.document["errors"]]
    except (LookupError, TypeError):
        return [FOREIGN.format(status=answer.status)]
    return [*details, *([SIGN_IN] if answer.status == UNAUTHORIZED else [])]


def _sentence(error: Mapping[str, Any]) -> str:
    detail = str(error["detail"])
    if error.get("code") == NOTHING_THERE:
        return f"the server has no URL {detail}: {TAKES}, without /api"
    return detail


class _NoRedirects(HTTPRedirectHandler):
    """A token goes to the server that was named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        """Follow no redirect: it is an error by its status."""


def _server(url: str, token: str | None) -> Send:
    if not url.lower().startswith(("http://", "https://")):
        raise OpenstatsError(f"--url {escaped(url)}: must begin with http:// or https://")
    if token and not (token.isascii() and token.isprintable()):
        raise OpenstatsError("--token: must be printable ASCII")
    opener = build_opener(_NoRedirects)
    headers = {"Accept": MEDIA_TYPE} | ({"X-Auth-Token": token} if token else {})

    def send(method: str, path: str, body: Any) -> ApiResponse:
        content = None if body is None else json.dumps(body).encode()
        typed = headers if content is None else headers | {"Content-Type": MEDIA_TYPE}
        try:
            # The scheme was looked at above.
            request = Request(url.rstrip("/") + path, content, typed, method=method)  # noqa: S310
            with opener.open(request, timeout=SECONDS) as response:
                return _read(response.status, response)
        except HTTPError as error:
            with error:
                return _read(error.code, error)
        except (HTTPException, OSError, ValueError) as error:
            raise OpenstatsError(f"{escaped(url)} does not answer: {_reason(error)}") from error

    return send


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({reason.verify_message}): set SSL_CERT_FILE to "
            "a file with the certificate of the authority that signed it"
        )
    if isinstance(reason, SSLError):
        return f"it does not use TLS ({reason.reason}): did you mean http://?"
    return escaped(str(reason)) or type(reason).__name__


def _read(status: int, response: Any) -> ApiResponse:
    text = response.read()
    try:
        document = json.loads(text) if text else None
    except ValueError:
        document = None
    return ApiResponse(status, document, response.headers)
