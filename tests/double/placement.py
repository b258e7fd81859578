"""Placement of the double: resource providers, their inventories, usages and traits.

Shapes after openstack-placement 16.0.0 (handlers/resource_provider.py, inventory.py, usage.py).
"""

from email.utils import formatdate
from typing import Any

from tests.double.state import Provider
from tests.double.web import Api, Microversions, Reply, Request, ServiceError, Site, dotted, route

Document = dict[str, Any]

TITLES = {400: "Bad Request", 404: "Not Found", 406: "Not Acceptable"}
FILTERS = (((1, 18), "required"), ((1, 14), "in_tree"))
STANDARD_TRAITS = frozenset(
    {
        "COMPUTE_NODE",
        "COMPUTE_STATUS_DISABLED",
        "HW_CPU_X86_SSE",
        "MISC_SHARES_VIA_AGGREGATE",
        "STORAGE_DISK_SSD",
    }
)


def fault(site: Site, request: Request, problem: ServiceError) -> Document:
    """Word an error as Placement does."""
    error: Document = {
        "status": problem.status,
        "title": TITLES.get(problem.status, "Error"),
        "detail": problem.message,
        "request_id": request.id,
    }
    if request.version >= (1, 23):
        error["code"] = "placement.undefined_code"
    if problem.status == 406:
        error |= {"max_version": dotted(site.settings.placement_max), "min_version": "1.0"}
    return {"errors": [error]}


def versions(site: Site, _: Request) -> Reply:
    """Answer the version document."""
    return Reply(
        {
            "versions": [
                {
                    "id": "v1.0",
                    "max_version": dotted(site.settings.placement_max),
                    "min_version": "1.0",
                    "status": "CURRENT",
                    "links": [{"rel": "self", "href": ""}],
                }
            ]
        }
    )


def providers(site: Site, request: Request) -> Reply:
    """All providers, never paged; `required`, `in_tree`, `uuid` and `name` choose."""
    query = request.query
    allowed = {"uuid", "name"} | {name for since, name in FILTERS if request.version >= since}
    if unknown := query.keys() - allowed:
        raise ServiceError(400, f"Invalid query string parameters: {sorted(unknown)}")
    wanted, forbidden = _traits(site, query.get("required", ""))
    tree = site.state.providers.get(query.get("in_tree", ""))
    root = tree.root_id if tree else query.get("in_tree")
    found = [
        _provider(request, each)
        for each in site.state.providers.values()
        if wanted <= each.traits
        and not forbidden & each.traits
        and root in (None, each.root_id)
        and query.get("uuid", each.id) == each.id
        and query.get("name", each.name) == each.name
    ]
    return _dated(site, request, {"resource_providers": found})


def provider(site: Site, request: Request, id: str) -> Reply:
    """One provider."""
    return _dated(site, request, _provider(request, _found(site, id)))


def inventories(site: Site, request: Request, id: str) -> Reply:
    """Tell what a provider has."""
    found = _found(site, id)
    return _dated(
        site,
        request,
        {
            "resource_provider_generation": found.generation,
            "inventories": found.inventories,
        },
    )


def usages(site: Site, request: Request, id: str) -> Reply:
    """Tell what of it is allocated; every class that it has an inventory of."""
    found = _found(site, id)
    told = {name: found.usages[name] for name in found.inventories}
    return _dated(
        site,
        request,
        {
            "resource_provider_generation": found.generation,
            "usages": told,
        },
    )


def traits(site: Site, request: Request, id: str) -> Reply:
    """Tell a provider's traits."""
    if request.version < (1, 6):
        raise ServiceError(404, "The resource could not be found.")
    found = _found(site, id)
    return _dated(
        site,
        request,
        {
            "traits": sorted(found.traits),
            "resource_provider_generation": found.generation,
        },
    )


def _found(site: Site, id: str) -> Provider:
    if id not in site.state.providers:
        raise ServiceError(404, f"No resource provider with uuid {id} found")
    return site.state.providers[id]


def _traits(site: Site, required: str) -> tuple[set[str], set[str]]:
    names = {name for name in required.split(",") if name}
    forbidden = {name.removeprefix("!") for name in names if name.startswith("!")}
    wanted = {name for name in names if not name.startswith("!")}
    known = STANDARD_TRAITS.union(*(each.traits for each in site.state.providers.values()))
    if unknown := (wanted | forbidden) - known:
        raise ServiceError(400, f'Invalid trait(s) in "required" parameter: {sorted(unknown)}')
    return wanted, forbidden


def _provider(request: Request, provider: Provider) -> Document:
    url = f"/placement/resource_providers/{provider.id}"
    rels = ["inventories", "usages"]
    later = (((1, 1), "aggregates"), ((1, 6), "traits"), ((1, 11), "allocations"))
    rels += [rel for since, rel in later if request.version >= since]
    document: Document = {
        "uuid": provider.id,
        "name": provider.name,
        "generation": provider.generation,
        "links": [
            {"rel": "self", "href": url},
            *({"rel": r, "href": f"{url}/{r}"} for r in rels),
        ],
    }
    if request.version >= (1, 14):
        document |= {
            "parent_provider_uuid": provider.parent_id,
            "root_provider_uuid": provider.root_id,
        }
    return document


def _dated(site: Site, request: Request, document: Document) -> Reply:
    reply = Reply(document)
    if request.version >= (1, 15):
        reply.headers |= {
            "Last-Modified": formatdate(site.clock(), usegmt=True),
            "Cache-Control": "no-cache",
        }
    return reply


API = Api(
    "placement",
    (
        route("/resource_providers", providers),
        route("/resource_providers/{}", provider),
        route("/resource_providers/{}/inventories", inventories),
        route("/resource_providers/{}/usages", usages),
        route("/resource_providers/{}/traits", traits),
        route("", versions, open=True),
    ),
    fault,
    Microversions("placement", (1, 0), lambda settings: settings.placement_max),
)
