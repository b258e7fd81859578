"""Keystone of the double: version documents, tokens with a catalog, domains, projects.

Shapes after keystone 30.0.0 (api/discovery.py, common/render_token.py, resource/schema.py).
"""

import json
import uuid
from collections.abc import Mapping
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from tests.double import people
from tests.double.people import USER_ID
from tests.double.state import Domain, Project
from tests.double.times import micro_z
from tests.double.web import Api, Reply, Request, ServiceError, Site, Token, route

ROLE_ID = "9b2a60d1c5e84d4c9d1c2f0a5b7e6d11"
OF_CREDENTIALS = {"project": {"name": "admin", "domain": {"id": "default"}}}
Document = dict[str, Any]


def fault(_: Site, request: Request, problem: ServiceError) -> Document:
    """Word an error as Keystone does."""
    titles = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
    title = titles.get(problem.status, "Error")
    return {"error": {"code": problem.status, "message": problem.message, "title": title}}


def _version(request: Request) -> Document:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{request.url}/v3/"}],
        "media-types": [
            {"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}
        ],
    }


def versions(_: Site, request: Request) -> Reply:
    """Answer the root document, 300 as Keystone has it."""
    location = {"Location": f"{request.url}/v3/"}
    return Reply({"versions": {"values": [_version(request)]}}, 300, location)


def version(_: Site, request: Request) -> Reply:
    """Answer the document of v3."""
    return Reply({"version": _version(request)})


def issue(site: Site, request: Request) -> Reply:
    """Issue a token to whoever knows the configured user and password (or id and secret)."""
    try:
        auth = json.loads(request.body)["auth"]
        methods = auth["identity"]["methods"]
        _authenticate(site, {method: auth["identity"][method] for method in methods})
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(400, f"Expecting to find an authentication: {error}") from error
    now = site.clock()
    token = Token(now + site.settings.token_lifetime)
    document = _token(site, methods, now, token.expires)
    token.is_admin = _name(auth) != site.settings.member
    # An application credential is its project's, without being asked for it.
    implied = OF_CREDENTIALS if "application_credential" in methods else None
    document |= _scoped(site, token, auth.get("scope") or implied)
    key = f"gAAAAA{uuid.uuid4().hex}"
    token.content = document
    site.tokens[key] = token
    return Reply({"token": document}, 201, {"X-Subject-Token": key, "Vary": "X-Auth-Token"})


def _name(auth: Mapping[str, Any]) -> str | None:
    """Return the name that somebody signs in by, with a password."""
    user = auth["identity"].get("password", {}).get("user", {})
    return str(user.get("name"))


def _authenticate(site: Site, given: Mapping[str, Any]) -> None:
    settings = site.settings
    for method, credential in given.items():
        if method == "password":
            user = credential["user"]
            known = (user.get("name"), user.get("id"))
            right = (
                known in ((settings.username, None), (settings.member, None), (None, USER_ID))
                and user["password"] == settings.password
            )
        else:
            right = credential.get("secret") == settings.password
        if not right:
            raise ServiceError(401, "The request you have made requires authentication.")


def _token(site: Site, methods: list[str], issued: float, expires: float) -> Document:
    user = {
        "domain": {"id": "default", "name": "Default"},
        "id": USER_ID,
        "name": site.settings.username,
        "password_expires_at": None,
    }
    return {
        "methods": methods,
        "user": user,
        "audit_ids": [uuid.uuid4().hex[:22]],
        "expires_at": micro_z(expires),
        "issued_at": micro_z(issued),
    }


def _scoped(site: Site, token: Token, scope: Any) -> Document:
    if not scope or scope == "unscoped":
        return {}
    found: Document = {"roles": [{"id": ROLE_ID, "name": "admin"}]}
    if "project" in scope:
        project = _find(site, scope["project"])
        domain = site.state.domains[project.domain_id]
        token.project_id = project.id
        found["is_domain"] = False
        found["project"] = {
            "domain": {"id": domain.id, "name": domain.name},
            "id": project.id,
            "name": project.name,
        }
    elif "domain" in scope:
        domain = _find_domain(site, scope["domain"])
        token.domain_id = domain.id
        found["domain"] = {"id": domain.id, "name": domain.name}
    else:
        found["system"] = {"all": True}
    return found | {"catalog": _catalog(site, token)}


def _find(site: Site, wanted: Mapping[str, Any]) -> Project:
    domain = _find_domain(site, wanted["domain"]).id if "domain" in wanted else None
    for project in site.state.projects.values():
        named = project.name == wanted.get("name") and project.domain_id == domain
        if project.enabled and (project.id == wanted.get("id") or named):
            return project
    raise ServiceError(401, "The request you have made requires authentication.")


def _find_domain(site: Site, wanted: Mapping[str, Any]) -> Domain:
    for domain in site.state.domains.values():
        if domain.enabled and (wanted.get("id") or wanted.get("name")) in (domain.id, domain.name):
            return domain
    raise ServiceError(401, "The request you have made requires authentication.")


def _catalog(site: Site, token: Token) -> list[Document]:
    by_type: dict[str, Document] = {}
    for kind, name, region, url in site.catalog:
        entry = by_type.setdefault(
            kind,
            {
                "endpoints": [],
                "id": uuid.uuid5(uuid.NAMESPACE_URL, kind).hex,
                "type": kind,
                "name": name,
            },
        )
        filled = url.replace("%(project_id)s", token.project_id or "")
        entry["endpoints"] += [
            {
                "id": uuid.uuid5(uuid.NAMESPACE_URL, url + interface).hex,
                "interface": interface,
                "region_id": region,
                "url": filled,
                "region": region,
            }
            for interface in ("public", "internal", "admin")
        ]
    return list(by_type.values())


def _project(request: Request, project: Project) -> Document:
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "description": project.description,
        "enabled": project.enabled,
        "parent_id": project.parent_id,
        "is_domain": False,
        "tags": list(project.tags),
        "options": {},
        "links": {"self": f"{request.url}/v3/projects/{project.id}"},
    }


def _domain(request: Request, domain: Domain) -> Document:
    return {
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": [],
        "options": {},
        "links": {"self": f"{request.url}/v3/domains/{domain.id}"},
    }


def _listed(site: Site, request: Request, name: str, items: list[Document]) -> Reply:
    wanted = {
        key: value
        for key, value in request.query.items()
        if key in ("domain_id", "enabled", "name", "parent_id", "is_domain")
    }
    kept = [each for each in items if all(_equal(each[key], wanted[key]) for key in wanted)]
    shown, next_url, truncated = _cut(site, request, name, kept)
    links = {"next": next_url, "self": f"{request.url}/v3/{name}", "previous": None}
    return Reply({name: shown, "links": links} | ({"truncated": True} if truncated else {}))


def _cut(
    site: Site, request: Request, name: str, items: list[Document]
) -> tuple[list[Document], str | None, bool]:
    """Cut a list as Keystone 30.0.0 does, or as those before 27.0.0, which have no pages."""
    settings, query = site.settings, request.query
    if not settings.identity_pages:
        limit = settings.list_limit or len(items)
        return items[:limit], None, len(items) > limit
    # resource/backends/sql.py: sorted by id; without a limit in the query or list_limit, the list
    # ends at max_db_limit, and nothing says so.
    behind = [each for each in items if each["id"] > query.get("marker", "")]
    behind.sort(key=itemgetter("id"))
    asked = int(query.get("limit") or settings.list_limit or 0)
    size = min(asked or settings.max_db_limit, settings.max_db_limit)
    shown = behind[:size]
    if not asked or len(shown) < size:
        return shown, None, False
    more = urlencode(dict(query) | {"marker": shown[-1]["id"], "limit": size})
    return shown, f"{request.url}/v3/{name}?{more}", True


def _equal(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return value == (wanted.lower() not in ("false", "0", "no", "off"))
    return bool(value == wanted)


def _tags_match(project: Project, query: Mapping[str, str]) -> bool:
    tags = set(project.tags)

    def asked(key: str) -> set[str]:
        return set(query[key].split(","))

    return (
        ("tags" not in query or asked("tags") <= tags)
        and ("tags-any" not in query or bool(asked("tags-any") & tags))
        and ("not-tags" not in query or not asked("not-tags") <= tags)
        and ("not-tags-any" not in query or not asked("not-tags-any") & tags)
    )


def projects(site: Site, request: Request) -> Reply:
    """All projects; a domain-scoped token sees its domain's."""
    scope = request.token.domain_id if request.token else None
    items = [
        _project(request, each)
        for each in site.state.projects.values()
        if scope in (None, each.domain_id) and _tags_match(each, request.query)
    ]
    return _listed(site, request, "projects", items)


def project(site: Site, request: Request, id: str) -> Reply:
    """One project."""
    if id not in site.state.projects:
        raise ServiceError(404, f"Could not find project: {id}.")
    return Reply({"project": _project(request, site.state.projects[id])})


def domains(site: Site, request: Request) -> Reply:
    """All domains."""
    items = [_domain(request, each) for each in site.state.domains.values()]
    return _listed(site, request, "domains", items)


def domain(site: Site, request: Request, id: str) -> Reply:
    """One domain."""
    if id not in site.state.domains:
        raise ServiceError(404, f"Could not find domain: {id}.")
    return Reply({"domain": _domain(request, site.state.domains[id])})


API = Api(
    "identity",
    (
        route("/v3/auth/tokens", issue, open=True, method="POST"),
        route("/v3/auth/tokens", people.validate),
        route("/v3/users/{}/groups", people.groups),
        route("/v3/projects", projects),
        route("/v3/projects/{}", project),
        route("/v3/domains", domains),
        route("/v3/domains/{}", domain),
        route("/v3", version, open=True),
        route("", versions, open=True),
    ),
    fault,
)
