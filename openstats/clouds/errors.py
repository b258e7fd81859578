"""Translation of all errors of calls to a cloud into ``CloudError``."""

from collections.abc import Iterator
from contextlib import contextmanager

import keystoneauth1.exceptions
import requests
from keystoneauth1.exceptions import HttpError

from openstats.clouds.figures import FigureError
from openstats.clouds.transport.adapter import AnswerError
from openstats.clouds.transport.in_flight import release_large_answer
from openstats.clouds.transport.retries import requested_pause
from openstats.errors import (
    CloudError,
    OddFigureError,
    OpenstatsError,
    RefusedError,
    ServiceMissingError,
    VersionRefusedError,
)
from openstats.names import escaped

FORBIDDEN, NOT_FOUND, NOT_ACCEPTABLE, GONE = 403, 404, 406, 410

ERROR_OF_STATUS = {
    FORBIDDEN: RefusedError,
    NOT_FOUND: RefusedError,
    GONE: RefusedError,
    NOT_ACCEPTABLE: VersionRefusedError,
}

MISSING_SERVICE = (
    keystoneauth1.exceptions.EmptyCatalog,
    keystoneauth1.exceptions.EndpointNotFound,
)
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""The exceptions that a malformed item of an answer can cause."""

DEFECTS = (AssertionError, NameError, ImportError, SyntaxError, MemoryError)
"""Exceptions that no cloud can cause: a defect of openstats, or a lack of memory."""

NOT_REACHED = (OSError, requests.exceptions.RequestException)
"""Exceptions before an answer arrives: TLS files, sockets, malformed URLs."""

TLS_ADVICE = "see cacert, cert and key in the cloud's entry in clouds.yaml"
URL_ADVICE = "see auth_url and the URLs in the cloud's entry in clouds.yaml"
HTTP_ADVICE = "the server speaks http there: write http:// in the URL, or correct its port"

PLAIN_TEXT_SIGNS = (
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "record layer failure",
    "wrong version",
)
"""OpenSSL's messages about a server that answers in plain text."""


@contextmanager
def translated(cloud: str, call: str) -> Iterator[None]:
    """Translate exceptions of the block into errors that name the cloud and the call.

    Raises:
        ServiceMissingError: the catalog lacks the service.
        VersionRefusedError: the service does not support the microversion (406).
        RefusedError: the service refuses the call (403, 404, 410).
        OddFigureError: an answer has an impossible figure.
        CloudError: any other error, such as a refused connection or a malformed answer.
    """
    try:
        yield
    except (OpenstatsError, *DEFECTS):
        raise
    except MISSING_SERVICE as error:
        raise ServiceMissingError(f"{cloud}: {call}: not in the catalog of its region") from error
    except HttpError as error:
        raise _error_of_status(cloud, call, error) from error
    except (keystoneauth1.exceptions.ClientException, AnswerError) as error:
        raise CloudError(f"{cloud}: {call}: {_reason(error)}") from error
    except FigureError as error:
        reason = printable(f"impossible figure: {error}")
        raise OddFigureError(f"{cloud}: {call}: {reason}") from error
    except Exception as error:
        raise CloudError(f"{cloud}: {call}: {_reason_without_answer(error)}") from error
    finally:
        release_large_answer()


def _error_of_status(cloud: str, call: str, error: HttpError) -> CloudError:
    kind = ERROR_OF_STATUS.get(error.http_status, CloudError)
    words = f"HTTP {error.http_status}: {_first_line(words_of(error), error)}"
    translation = kind(f"{cloud}: {call}: {words}")
    translation.retry_after = requested_pause(error.response)
    return translation


def words_of(error: HttpError) -> str:
    """Return the message of an error response, with the request id.

    keystoneauth cannot read the messages of Nova and Cinder.
    """
    message = _message(error.response)
    if not message:
        return str(error).replace(f" (HTTP {error.http_status})", "")
    return f"{message} (Request-ID: {error.request_id})" if error.request_id else message


def _message(response: requests.Response | None) -> str | None:
    """Return the message of ``{"message": …}`` or ``{"itemNotFound": {"message": …}}``."""
    try:
        document = response.json() if response is not None else None
    except ValueError:
        return None
    if isinstance(document, dict) and len(document) == 1:
        document = next(iter(document.values()))
    message = document.get("message") if isinstance(document, dict) else None
    return message if isinstance(message, str) else None


def _reason_without_answer(error: Exception) -> str:
    """Return the reason of an error if there is no answer, or a malformed one."""
    if isinstance(error, RecursionError):
        return "unreadable answer: it is nested too deeply"
    is_malformed = isinstance(error, requests.exceptions.JSONDecodeError)
    if isinstance(error, NOT_REACHED) and not is_malformed:
        return _reason_unreached(error)
    return printable(f"unreadable answer: {type(error).__name__} {error}")


def _reason_unreached(error: Exception) -> str:
    """Return the reason why a service was not reached, with advice on TLS files or the URL."""
    reason = printable(str(error) or type(error).__name__)
    is_tls = "TLS" in reason or "certificate" in reason.lower()
    return f"the request cannot be sent: {reason}; {TLS_ADVICE if is_tls else URL_ADVICE}"


def _reason(error: Exception) -> str:
    """Return the first line of an error's message, with advice if TLS fails."""
    words, cause = str(error).strip(), error.__cause__ or error.__context__
    if isinstance(error, keystoneauth1.exceptions.ConnectionError) and cause:
        # requests wraps errors up to three times; the innermost message states the cause.
        words = words.replace(str(cause), str(_innermost(cause)))
    reason = _first_line(words, error)
    if not isinstance(error, keystoneauth1.exceptions.SSLError):
        return reason
    is_plain_http = any(sign in reason for sign in PLAIN_TEXT_SIGNS)
    return f"{reason}; {HTTP_ADVICE if is_plain_http else TLS_ADVICE}"


def _first_line(words: str, error: Exception) -> str:
    """Return the first line of a message, fit for a log; the rest may be a page of HTML."""
    lines = words.strip().splitlines()
    return printable(lines[0] if lines else type(error).__name__)


def printable(words: str, longest: int = 300) -> str:
    """Return at most ``longest`` characters of a cloud's text, escaped for a log line."""
    return escaped(words[:longest])


def _innermost(error: BaseException) -> BaseException:
    while cause := error.__cause__ or error.__context__:
        error = cause
    return error
