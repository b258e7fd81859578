"""People in Keystone of the double: whether tokens are valid, and who is in which groups.

Shapes and policy after keystone 30.0.0 (common/render_token.py, identity/schema.py, api/auth.py,
common/policies/token.py and group.py). A user's own token and groups need no right.
"""

from typing import Any

from tests.double.web import Reply, Request, ServiceError, Site

USER_ID = "54903edb88ea422fabf83a2751c27774"


def validate(site: Site, request: Request) -> Reply:
    """Tell what a token is good for: one that was handed out as it is, or was signed in for."""
    key = request.headers.get("X-Subject-Token", "")
    site.asked.append(key)
    issued = site.tokens.get(key)
    if issued is None:
        _allowed(site, "validate_token")
    valid = issued is not None and issued.expires > site.clock()
    content = issued.content if issued and valid else site.handed.get(key)
    if not content:
        raise ServiceError(404, "Failed to validate token" if key else "No token in the request")
    return Reply({"token": content}, 200, {"X-Subject-Token": key})


def groups(site: Site, request: Request, id: str) -> Reply:
    """List the groups of a user, whose ids are configured; the one who signs in is in none."""
    site.asked.append(id)
    if id != USER_ID:
        _allowed(site, "list_groups_for_user")
    if id not in site.groups and id != USER_ID:
        raise ServiceError(404, f"Could not find user: {id}.")
    items: list[dict[str, Any]] = [
        {"id": group, "name": group, "domain_id": "default", "description": ""}
        for group in site.groups.get(id, ())
    ]
    links = {"next": None, "previous": None, "self": f"{request.url}/v3/users/{id}/groups"}
    return Reply({"groups": items, "links": links})


def _allowed(site: Site, rule: str) -> None:
    if rule in site.denied:
        message = f"You are not authorized to perform the requested action: identity:{rule}."
        raise ServiceError(403, message)
