"""Resources of the registry over HTTP: list, show, create, replace, change and delete."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pydantic import BaseModel
from pyramid.response import Response

from openstats.errors import BodyError, ObjectUnknownError, PermissionDeniedError
from openstats.http import answer, body
from openstats.http import pagination as paging
from openstats.http.body import Body
from openstats.http.errors import MediaTypeError
from openstats.http.parameters import EntryParameters, ListParameters, Query, dashed_uuid, parse
from openstats.http.validation import excerpt
from openstats.storage.entries import audit, grants, pagination
from openstats.storage.entries.audit import Author
from openstats.storage.entries.pagination import Entry, Listing
from openstats.storage.store import Database, advisory_lock
from openstats.unix_time import DAY

ROOT = "/api"
READING = ("GET", "HEAD")


@dataclass(frozen=True)
class Resource:
    """A kind of thing in the registry: its name in URLs, what is shown of it and what it takes.

    ``kind`` is one of it, as the audit calls it; ``bodies`` are what each method takes,
    ``write`` and ``remove`` (None: there is no such thing) what storage does then. ``lookup`` adds
    to what was given what is known of it elsewhere, ``find`` gives the uuid of an entry that is
    there already and that POST means; ``actions`` are what can be done to one, by the last part of
    their URL. Of what is ``private`` only admins see anything; what is ``serviced`` other services
    may write as well.
    """

    name: str
    kind: str
    summary: str
    listing: Listing
    entry: type[BaseModel]
    filters: type[ListParameters]
    bodies: Mapping[str, type[Body]] = field(default_factory=dict)
    write: Any = None
    remove: Any = None
    lookup: Callable[[Any, dict[str, Any]], dict[str, Any]] | None = None
    private: bool = False
    serviced: bool = False
    find: Callable[[Database, dict[str, Any]], str | None] | None = None
    actions: Mapping[str, Callable[[Database, str, int], None]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Under what a list holds its entries."""
        return self.name.replace("-", "_")

    @property
    def url(self) -> str:
        """Where the list is."""
        return f"{ROOT}/{self.name}/"

    @property
    def reading(self) -> type[Query]:
        """What showing a single entry takes."""
        return EntryParameters if self.listing.past else Query

    def permission(self, method: str) -> str:
        """Name the rule that decides who may use a method."""
        return f"openstats:{self.name}:{'get' if method in READING else 'write'}"

    def methods(self, *, single: bool) -> tuple[str, ...]:
        """List what a URL takes: that of the list, or of a single one."""
        if not single:
            return (*READING, *(m for m in self.bodies if m == "POST"))
        writing = [method for method in self.bodies if method != "POST"]
        return (*READING, *writing, *(("DELETE",) if self.remove else ()))


def entries(resource: Resource, request: Any) -> Response:
    """List what the caller sees."""
    query = request.environ.get("QUERY_STRING", "")
    asked = parse(resource.filters, query)
    with request.store.read() as db:
        found, more = pagination.page(
            db,
            resource.listing,
            request.scope,
            filters=asked.filters(),
            limit=asked.limit,
            marker=asked.marker,
            deleted=asked.past,
        )
    document: dict[str, Any] = {resource.key: found}
    link: dict[str, str] = {}
    if more:
        marker = found[-1]["uuid"]
        link = paging.header(query, marker)
        href = f"{request.script_name}{resource.url}{paging.following(query, marker)}"
        document["links"] = [{"rel": "next", "href": href}]
    return answer.respond(document, request.environ, link.items())


def show(resource: Resource, request: Any) -> Response:
    """Show a single entry."""
    asked = parse(resource.reading, request.environ.get("QUERY_STRING", ""))
    uuid, deleted = dashed_uuid(request.matchdict["uuid"]), getattr(asked, "deleted", False)
    with request.store.read() as db:
        found = pagination.one(db, resource.listing, request.scope, uuid, deleted=deleted)
    if found is None:
        raise _unknown(resource, uuid)
    return answer.respond(found, request.environ)


def create(resource: Resource, request: Any) -> Response:
    """Create an entry with a uuid of ours."""
    given = _given(resource, request)
    return _write(resource, request, None, given)


def write(resource: Resource, request: Any) -> Response:
    """Create or replace an entry of the caller's uuid, or change one."""
    given = _given(resource, request)
    return _write(resource, request, dashed_uuid(request.matchdict["uuid"]), given)


def remove(resource: Resource, request: Any) -> Response:
    """Delete an entry, and the grants on it."""
    _from_own_page(request)
    uuid = _single(request)
    with request.store.transaction() as db:
        before = _before(db, resource, request, uuid)
        if before is None:
            raise _unknown(resource, uuid)
        revoked = grants.revoke(db, resource.kind, uuid)
        resource.remove(db, uuid, request.now)
        audit.record(db, _author(request), resource.kind, uuid, before=before, after=None)
        for gone in revoked:
            audit.record(db, _author(request), "grant", gone["uuid"], before=gone, after=None)
        _forget(db, request)
    return Response(status=204, headerlist=[("Cache-Control", "no-store")])


def act(resource: Resource, request: Any) -> Response:
    """Do to an entry what the last part of the URL says."""
    _from_own_page(request)
    if request.content_type.lower() not in ("", body.MEDIA_TYPE):
        raise MediaTypeError(f"Content-Type: it takes {body.MEDIA_TYPE}, or none")
    uuid = _single(request)
    with request.store.transaction() as db:
        before = _before(db, resource, request, uuid)
        if before is None:
            raise _unknown(resource, uuid)
        resource.actions[request.matchdict["action"]](db, uuid, request.now)
        after = _written(db, resource, request, uuid, before)
    return answer.respond(after, request.environ)


def _write(resource: Resource, request: Any, named: str | None, given: dict[str, Any]) -> Response:
    with request.store.transaction() as db:
        # Before what else find may wait for, in the same order as whatever else writes.
        advisory_lock(db, "discovery")
        there = resource.find(db, given) if resource.find and named is None else None
        uuid = named or there or str(uuid4())
        before = _before(db, resource, request, uuid)
        if before is None and request.method == "PATCH":
            raise _unknown(resource, uuid)
        if there is None:
            # Who does not name the entry cannot know when it was created.
            _fixed(given, before or {"uuid": uuid})
        resource.write(db, uuid, given, request.now)
        after = _written(db, resource, request, uuid, before)
    if before is not None:
        return answer.respond(after, request.environ)
    location = ("Location", f"{request.script_name}{resource.url}{uuid}/")
    return answer.respond(after, request.environ, [location], status=201)


def _written(
    db: Database, resource: Resource, request: Any, uuid: str, before: Entry | None
) -> Entry | None:
    """Note what was written, if that changed anything, and give what is there since."""
    after = pagination.one(db, resource.listing, request.scope, uuid)
    if after == before:
        return after
    audit.record(db, _author(request), resource.kind, uuid, before=before, after=after)
    _forget(db, request)
    return after


def _before(db: Database, resource: Resource, request: Any, uuid: str) -> Entry | None:
    """Give what is there before it is written, when it is what the caller believes it is.

    From here to the end of the transaction nobody else writes to the registry.
    """
    advisory_lock(db, "discovery")
    found = pagination.one(db, resource.listing, request.scope, uuid)
    answer.check_preconditions(
        found,
        if_match=request.environ.get("HTTP_IF_MATCH"),
        if_none_match=request.environ.get("HTTP_IF_NONE_MATCH"),
    )
    return found


def _fixed(given: Mapping[str, Any], there: Entry) -> None:
    """Refuse to change what never changes; it may be given as it is."""
    for name in ("uuid", "created_at"):
        if name in given and there.get(name) is not None and given[name] != there[name]:
            raise BodyError(
                f"{name}={excerpt(given[name])}: it cannot be changed from {there[name]}: "
                "leave it out, or give it as it is"
            )


def _given(resource: Resource, request: Any) -> dict[str, Any]:
    _from_own_page(request)
    parse(Query, request.environ.get("QUERY_STRING", ""))
    given = body.read(request, resource.bodies[request.method]).field_values()
    return resource.lookup(request.conf, given) if resource.lookup else given


def _single(request: Any) -> str:
    parse(Query, request.environ.get("QUERY_STRING", ""))
    return dashed_uuid(request.matchdict["uuid"])


def _from_own_page(request: Any) -> None:
    """Refuse what another site's page has a browser send: without authentication it could."""
    origin = request.environ.get("HTTP_ORIGIN")
    if origin is None or request.conf.api.auth_strategy != "noauth":
        return
    host = request.environ.get("HTTP_HOST", "")
    if origin.partition("://")[2].lower() != host.lower():
        raise PermissionDeniedError("Origin: without authentication no other site's page may write")


def _author(request: Any) -> Author:
    return Author(str(request.identity.name), request.now, request.request_id)


def _forget(db: Database, request: Any) -> None:
    if days := request.conf.audit.keep_days:
        audit.forget(db, request.now - days * DAY)


def _unknown(resource: Resource, uuid: str) -> ObjectUnknownError:
    return ObjectUnknownError(f"there is no {resource.kind.replace('_', ' ')} {uuid} to be seen")


ACTING = ("POST",)

VIEWS: dict[bool, dict[str, Callable[[Resource, Any], Response]]] = {
    False: {"GET": entries, "HEAD": entries, "POST": create},
    True: {"GET": show, "HEAD": show, "PUT": write, "PATCH": write, "DELETE": remove},
}
"""What answers a method, at the URL of a list and of a single entry."""
