"""The error document, and the HTTP status of each error."""

import orjson
from oslo_log import log
from pyramid.config import Configurator
from pyramid.exceptions import URLDecodeError
from pyramid.httpexceptions import HTTPException
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED

from openstats import errors
from openstats.errors import must_be
from openstats.http.request import Request

LOG = log.getLogger(__name__)


class PreconditionError(errors.OpenstatsError):
    """The entry does not satisfy the caller's If-Match or If-None-Match."""

    code = "openstats.precondition.failed"
    title = "Precondition failed"


class TooLargeError(errors.OpenstatsError):
    """The body of a request is larger than any that is accepted."""

    code = "openstats.body.too_large"
    title = "Request body too large"


class MediaTypeError(errors.OpenstatsError):
    """The Content-Type of a request is not JSON."""

    code = "openstats.body.media_type"
    title = "Unsupported media type"


class LengthRequiredError(errors.OpenstatsError):
    """A body has no Content-Length, and the WSGI server does not decode chunks."""

    code = "openstats.body.length_required"
    title = "Length required"


class KeystoneUnavailableError(errors.OpenstatsError):
    """The caller's token cannot be validated, because Keystone does not answer."""

    code = "openstats.keystone.unavailable"
    title = "Keystone unavailable"


STATUSES: dict[type[errors.OpenstatsError], int] = {
    errors.ParameterError: 400,
    errors.UnauthenticatedError: 401,
    errors.PermissionDeniedError: 403,
    errors.ObjectUnknownError: 404,
    errors.ConflictError: 409,
    PreconditionError: 412,
    TooLargeError: 413,
    LengthRequiredError: 411,
    MediaTypeError: 415,
    errors.NotPolledError: 503,
    errors.IncompleteError: 503,
    errors.StoreError: 503,
    errors.CollectorError: 503,
    KeystoneUnavailableError: 503,
}

HTTP_CODES = {
    403: (errors.PermissionDeniedError.code, errors.PermissionDeniedError.title),
    404: ("openstats.route.unknown", "URL not found"),
    405: ("openstats.method.not_allowed", "Method not allowed"),
}
DEFECT = ("openstats.defect", "Internal error")
RETRY_AFTER = "10"
"""Value of Retry-After, in seconds, for errors that have none of their own."""

NO_DETAIL = "See the log of the service for this request ID."


def document(
    status: int, code: str, title: str, details: tuple[str, ...], request_id: str
) -> bytes:
    """Return the error document as JSON, with one entry for each detail."""
    common = {"status": status, "code": code, "title": title}
    entries = [common | {"detail": detail, "request_id": request_id} for detail in details]
    return orjson.dumps({"errors": entries})


def _response(request: Request, status: int, code: str, title: str, *details: str) -> Response:
    body = document(status, code, title, details, request.request_id)
    response = Response(body=body, status=status, content_type="application/json", charset=None)
    response.headers["Cache-Control"] = "no-store"
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def openstats_error(error: errors.OpenstatsError, request: Request) -> Response:
    """Return the response to an error that openstats raised on purpose."""
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)
    details = error.problems if isinstance(error, errors.ParameterError) else (str(error),)
    if isinstance(error, errors.StoreError):
        LOG.error("%s", error)
        # The message may reveal the address of the store.
        details = (NO_DETAIL,)
    response = _response(request, status, error.code, error.title, *details)
    if retry_after := getattr(error, "retry_after", None):
        response.headers["Retry-After"] = str(int(retry_after))
    return response


def http_exception(error: HTTPException, request: Request) -> Response:
    """Return the response to a request that Pyramid refuses: unknown URL, permission denied."""
    code, title = HTTP_CODES.get(error.status_int, DEFECT)
    denial = getattr(error, "result", None)
    detail = getattr(denial, "msg", None) or f"{request.method} {request.path}"[:200]
    return _response(request, error.status_int, code, title, detail)


def undecodable_path(_error: URLDecodeError, request: Request) -> Response:
    """Return 404 for a path that is not UTF-8."""
    return _response(request, 404, *HTTP_CODES[404], "the path is not UTF-8")


def defect(error: Exception, request: Request) -> Response:
    """Return 500 for an unforeseen error; its traceback is only logged."""
    LOG.exception("a defect of openstats in request %s", request.request_id, exc_info=error)
    return _response(request, 500, *DEFECT, NO_DETAIL)


def refuse_other_methods(config: Configurator, route_name: str, allowed: tuple[str, ...]) -> None:
    """Answer 405 to all other methods of a route, for every caller."""

    def method_not_allowed(request: Request) -> Response:
        code, title = HTTP_CODES[405]
        response = _response(request, 405, code, title, f"the method {must_be(allowed)}")
        response.headers["Allow"] = ", ".join(allowed)
        return response

    config.add_view(method_not_allowed, route_name=route_name, permission=NO_PERMISSION_REQUIRED)


def includeme(config: Configurator) -> None:
    """Render every exception as the error document."""
    config.add_exception_view(openstats_error, context=errors.OpenstatsError)
    config.add_exception_view(defect, context=Exception)
    config.add_exception_view(undecodable_path, context=URLDecodeError)
    config.add_notfound_view(http_exception)
    config.add_forbidden_view(http_exception)
    config.add_exception_view(http_exception, context=HTTPException)
