"""People in Keystone of the double: tokens that were handed out as they are, and groups.

Shapes after keystone 30.0.0 (common/render_token.py, identity/schema.py).
"""

from typing import Any

from tests.double.web import Reply, Request, ServiceError, Site


def validate(site: Site, request: Request) -> Reply:
    """Tell what a token is good for, to whoever has one himself."""
    key = request.headers.get("X-Subject-Token", "")
    site.asked.append(key)
    if key not in site.handed:
        raise ServiceError(404, "Failed to validate token")
    return Reply({"token": site.handed[key]}, 200, {"X-Subject-Token": key})


def groups(site: Site, request: Request, id: str) -> Reply:
    """List the groups of a user, whose ids are configured; of others Keystone says nothing."""
    site.asked.append(id)
    if id not in site.groups:
        raise ServiceError(403, "You are not authorized to perform the requested action.")
    items: list[dict[str, Any]] = [
        {"id": group, "name": group, "domain_id": "default", "description": ""}
        for group in site.groups[id]
    ]
    links = {"next": None, "previous": None, "self": f"{request.url}/v3/users/{id}/groups"}
    return Reply({"groups": items, "links": links})
