"""One door through which everything that can go wrong with a cloud leaves as a CloudError."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cinderclient.exceptions
import keystoneauth1.exceptions
import novaclient.exceptions

from openstats.errors import CloudError, RefusedError, ServiceMissingError

REFUSALS = (403, 404, 406, 410)

CLIENT_ERRORS = (
    cinderclient.exceptions.ClientException,
    novaclient.exceptions.ClientException,
    keystoneauth1.exceptions.HttpError,
)
MISSING = (
    keystoneauth1.exceptions.EmptyCatalog,
    keystoneauth1.exceptions.EndpointNotFound,
    cinderclient.exceptions.EndpointNotFound,
)
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, OverflowError)

LONGEST_WAIT = 3600
"""Seconds that a cloud may ask to be left alone: it must not be forgotten for a typing error."""

_heard = threading.local()


def hear(response: Any, *_: object, **__: object) -> None:
    """Keep what an answer says of when to ask again: most client libraries drop it.

    A hook of the requests library, which calls it in the thread that asked.
    """
    _heard.retry_after = response.headers.get("Retry-After", "")


@contextmanager
def asking(cloud: str, call: str) -> Iterator[None]:
    """Name the cloud and the call in whatever goes wrong inside.

    Raises:
        ServiceMissingError: the catalog does not hold the service.
        RefusedError: the service says no (403, 404, 406, 410).
        CloudError: anything else, from a refused connection to an answer nobody can read.
    """
    try:
        yield
    except CloudError:
        raise
    except MISSING as error:
        raise ServiceMissingError(f"{cloud}: {call}: not in the catalog of its region") from error
    except CLIENT_ERRORS as error:
        raise _status_error(cloud, call, error) from error
    except keystoneauth1.exceptions.ClientException as error:
        raise CloudError(f"{cloud}: {call}: {_reason(error)}") from error
    except MALFORMED as error:
        said = _printable(f"{type(error).__name__} {error}")
        raise CloudError(f"{cloud}: {call}: an answer that cannot be read: {said}") from error


def _status_error(cloud: str, call: str, error: Exception) -> CloudError:
    status = getattr(error, "http_status", None) or getattr(error, "code", None)
    kind = RefusedError if status in REFUSALS else CloudError
    reason = _reason(error).removesuffix(f" (HTTP {status})")
    found = kind(f"{cloud}: {call}: HTTP {status}: {reason}")
    found.retry_after = _retry_after()
    return found


def _reason(error: Exception) -> str:
    """Give the first line of what was said: the rest is somebody's whole page."""
    said, cause = str(error).strip(), error.__cause__ or error.__context__
    if isinstance(error, keystoneauth1.exceptions.ConnectionError) and cause:
        # requests wraps its errors in its own words, three deep: the innermost tells.
        said = said.replace(str(cause), str(_innermost(cause)))
    return _printable((said.splitlines() or [type(error).__name__])[0])


def _printable(said: str) -> str:
    """Make what somebody else said fit for a line of a log."""
    return "".join(c if c.isprintable() else " " for c in said[:300])


def _innermost(error: BaseException) -> BaseException:
    while cause := error.__cause__ or error.__context__:
        error = cause
    return error


def _retry_after() -> int:
    said = getattr(_heard, "retry_after", "")
    return min(int(said[:9]), LONGEST_WAIT) if said.isascii() and said.isdecimal() else 0
