"""Views of the registry: list, show, create, replace, change, delete, and act on entries.

All resources share them; ``resources`` defines the differences.
"""

from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from pyramid.response import Response

from openstats.api.registry import documents
from openstats.api.registry.documents import Document
from openstats.api.registry.resources import Resource
from openstats.errors import BodyError, ObjectUnknownError, PermissionDeniedError
from openstats.http import answer, body
from openstats.http.body import Body
from openstats.http.errors import MediaTypeError
from openstats.http.fields import dashed_uuid
from openstats.http.parameters.pagination import link_header, next_page
from openstats.http.parameters.query import Query, parse
from openstats.http.request import Request
from openstats.http.validation import excerpt
from openstats.names import noun
from openstats.storage.dialects import advisory_lock
from openstats.storage.entries.pagination import read_one, read_page
from openstats.storage.registry import audit, grants
from openstats.storage.registry.audit import Author, Change
from openstats.storage.store import Database
from openstats.unix_time import DAY

View = Callable[[Resource, Request], Response]


def list_entries(resource: Resource, request: Request) -> Response:
    """List the entries that the caller sees."""
    query = parse(resource.filters, request.query_string)
    with request.store.read() as db:
        rows, has_more = read_page(
            db,
            resource.listing,
            request.scope,
            filters=query.filters(),
            limit=query.limit,
            marker=query.marker,
            deleted=query.past,
        )
    entries = [resource.document(row) for row in rows]
    return _page(resource, request, entries, marker=rows[-1].uuid if has_more else None)


def _page(
    resource: Resource, request: Request, entries: list[Document], *, marker: str | None
) -> Response:
    """Return the response that lists entries, with links to the page after a marker."""
    if marker is None:
        return answer.respond({resource.key: entries}, request.environ)
    query = request.query_string
    href = f"{request.script_name}{resource.url}{next_page(query, marker)}"
    document = {resource.key: entries, "links": [{"rel": "next", "href": href}]}
    return answer.respond(document, request.environ, link_header(query, marker).items())


def show(resource: Resource, request: Request) -> Response:
    """Show a single entry."""
    query = parse(resource.entry_query, request.query_string)
    uuid, deleted = dashed_uuid(request.matchdict["uuid"]), getattr(query, "deleted", False)
    with request.store.read() as db:
        entry = _read(db, resource, request, uuid, deleted=deleted)
    if entry is None:
        raise _unknown(resource, uuid)
    return answer.respond(entry, request.environ)


def create(resource: Resource, request: Request) -> Response:
    """Create an entry with a new uuid, or update the existing entry that the body matches."""
    values = resource.writer.values(request.conf, _body(resource, request))
    with request.store.transaction() as db:
        _lock(db)
        uuid = resource.writer.existing(db, values) or str(uuid4())
        old = _expected(db, resource, request, uuid)
        resource.writer.save(db, uuid, values, request.now)
        new = _after(db, resource, request, uuid, old)
    return _written(resource, request, uuid, old, new)


def replace(resource: Resource, request: Request) -> Response:
    """Replace an entry, or create one with the uuid of the URL."""
    new_entry = _body(resource, request)
    values = resource.writer.values(request.conf, new_entry)
    uuid = dashed_uuid(request.matchdict["uuid"])
    with request.store.transaction() as db:
        old = _expected(db, resource, request, uuid)
        _check_fixed(new_entry, old or {"uuid": uuid})
        resource.writer.save(db, uuid, values, request.now)
        new = _after(db, resource, request, uuid, old)
    return _written(resource, request, uuid, old, new)


def change(resource: Resource, request: Request) -> Response:
    """Change those fields of an entry that the body contains."""
    new_fields = _body(resource, request)
    values = resource.writer.values(request.conf, new_fields)
    uuid = dashed_uuid(request.matchdict["uuid"])
    with request.store.transaction() as db:
        old = _present(db, resource, request, uuid)
        _check_fixed(new_fields, old)
        resource.writer.save(db, uuid, values, request.now)
        new = _after(db, resource, request, uuid, old)
    return answer.respond(new, request.environ)


def delete(resource: Resource, request: Request) -> Response:
    """Delete an entry, and the grants on it."""
    _check_origin(request)
    uuid = _uuid(request)
    with request.store.transaction() as db:
        entry = _present(db, resource, request, uuid)
        revoked = grants.revoke_all(db, resource.kind, uuid)
        resource.writer.delete(db, uuid, request.now)
        deletions = [Change(resource.kind, uuid, entry, None)]
        deletions += [Change("grant", row.uuid, documents.grant(row), None) for row in revoked]
        _record(db, request, deletions)
    return Response(status=204, headerlist=[("Cache-Control", "no-store")])


def act(resource: Resource, request: Request) -> Response:
    """Perform the action that the last part of the URL names."""
    _check_origin(request)
    if request.content_type.lower() not in ("", body.MEDIA_TYPE):
        raise MediaTypeError(
            f"Content-Type={excerpt(request.content_type)}: must be {body.MEDIA_TYPE} or absent"
        )
    uuid = _uuid(request)
    with request.store.transaction() as db:
        old = _present(db, resource, request, uuid)
        resource.actions[request.matchdict["action"]](db, uuid, request.now)
        new = _after(db, resource, request, uuid, old)
    return answer.respond(new, request.environ)


LIST_VIEWS: Mapping[str, View] = {
    "GET": list_entries,
    "HEAD": list_entries,
    "POST": create,
}
"""Views by method, at the URL of a list."""

ENTRY_VIEWS: Mapping[str, View] = {
    "GET": show,
    "HEAD": show,
    "PUT": replace,
    "PATCH": change,
    "DELETE": delete,
}
"""Views by method, at the URL of a single entry."""


def _read(
    db: Database, resource: Resource, request: Request, uuid: str, *, deleted: bool = False
) -> Document | None:
    """Return an entry as the caller sees it; None if there is none."""
    row = read_one(db, resource.listing, request.scope, uuid, deleted=deleted)
    return None if row is None else resource.document(row)


def _after(
    db: Database, resource: Resource, request: Request, uuid: str, old: Document | None
) -> Document | None:
    """Return an entry after a write; record the change in the audit if there is one."""
    new = _read(db, resource, request, uuid)
    if new != old:
        _record(db, request, [Change(resource.kind, uuid, old, new)])
    return new


def _written(
    resource: Resource, request: Request, uuid: str, old: Document | None, new: Document | None
) -> Response:
    """Return the response to a write: 201 with the entry's URL if it was created, else 200."""
    if old is not None:
        return answer.respond(new, request.environ)
    location = ("Location", f"{request.script_name}{resource.url}{uuid}/")
    return answer.respond(new, request.environ, [location], status=201)


def _lock(db: Database) -> None:
    """Keep all others from writing to the registry until the end of the transaction."""
    advisory_lock(db, "discovery")


def _expected(db: Database, resource: Resource, request: Request, uuid: str) -> Document | None:
    """Lock the registry and return the entry before the write; None if there is none.

    Raises:
        PreconditionError: the entry does not satisfy If-Match or If-None-Match.
    """
    _lock(db)
    entry = _read(db, resource, request, uuid)
    answer.check_preconditions(
        entry,
        if_match=request.environ.get("HTTP_IF_MATCH"),
        if_none_match=request.environ.get("HTTP_IF_NONE_MATCH"),
    )
    return entry


def _present(db: Database, resource: Resource, request: Request, uuid: str) -> Document:
    """Lock the registry and return the entry before the write, which must exist.

    Raises:
        ObjectUnknownError: there is no such entry, or it is not visible to the caller.
        PreconditionError: the entry does not satisfy If-Match or If-None-Match.
    """
    entry = _expected(db, resource, request, uuid)
    if entry is None:
        raise _unknown(resource, uuid)
    return entry


def _check_fixed(fields: Body, entry: Document) -> None:
    """Raise BodyError if uuid or created_at would change; sending the stored value is allowed."""
    for name in ("uuid", "created_at"):
        stored = entry.get(name)
        if name not in fields.model_fields_set or stored is None:
            continue
        value = getattr(fields, name)
        if value != stored:
            raise BodyError(
                f"{name}={excerpt(value)}: must stay {stored}: leave it out, or send it unchanged"
            )


def _body(resource: Resource, request: Request) -> Body:
    _check_origin(request)
    parse(Query, request.query_string)
    return body.read(request, resource.bodies[request.method])


def _uuid(request: Request) -> str:
    parse(Query, request.query_string)
    return dashed_uuid(request.matchdict["uuid"])


def _check_origin(request: Request) -> None:
    """Refuse cross-site requests of browsers, which noauth would otherwise accept as an admin's.

    Raises:
        PermissionDeniedError: the Origin differs from the Host.
    """
    origin = request.environ.get("HTTP_ORIGIN")
    if origin is None or request.conf.api.auth_strategy != "noauth":
        return
    host = request.environ.get("HTTP_HOST", "")
    if origin.partition("://")[2].lower() != host.lower():
        raise PermissionDeniedError(
            "Origin: without authentication pages of other sites cannot write"
        )


def _record(db: Database, request: Request, changes: Sequence[Change]) -> None:
    """Write changes into the audit, and delete entries older than [audit] keep_days."""
    author = Author(str(request.identity.name), request.now, request.request_id)
    audit.record_all(db, author, changes)
    if days := request.conf.audit.keep_days:
        audit.forget(db, request.now - days * DAY)


def _unknown(resource: Resource, uuid: str) -> ObjectUnknownError:
    return ObjectUnknownError(f"{noun(resource.kind)} {uuid} not found")
