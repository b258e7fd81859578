"""A small REST client: the admin's, for whichever project a token is wanted."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from .plan import PASSWORD, VERSIONS, Plan

MICROVERSION_TYPES = {"nova": "compute", "cinder": "volume", "placement": "placement"}
# Whatever proxy the caller has set is for others than a cloud on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RestError(Exception):
    """A service answered with an error."""

    def __init__(self, method: str, url: str, status: int, body: str) -> None:
        super().__init__(f"{method} {url}: {status} {body[:500]}")
        self.status = status
        self.body = body


def request(
    method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[Any, Any]:
    """The answer's document and headers. A body of bytes is sent as it is."""
    headers = dict(headers or {})
    if isinstance(body, bytes):
        headers["Content-Type"] = "application/octet-stream"
    elif body is not None:
        body = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    asked = urllib.request.Request(url, body, headers, method=method)
    try:
        with _opener.open(asked, timeout=180) as answer:
            raw, given = answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            text = error.read().decode(errors="replace")
        raise RestError(method, url, error.code, text) from None
    return (json.loads(raw) if raw[:1] in (b"{", b"[") else raw), given


class Rest:
    """Calls by service name, not through the catalog: tests take things out of that."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tokens: dict[str | None, tuple[str, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def _token(self, project: str | None) -> tuple[str, dict[str, Any]]:
        with self._lock:
            if project not in self._tokens:
                self._tokens[project] = self._authenticate(project)
            return self._tokens[project]

    def _authenticate(self, project: str | None) -> tuple[str, dict[str, Any]]:
        domain = {"id": "default"}
        user = {"name": "admin", "domain": domain, "password": PASSWORD}
        scope = {"id": project} if project else {"name": "admin", "domain": domain}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": scope}}}
        document, headers = request("POST", f"{self._plan.auth_url}/auth/tokens", body)
        return headers["X-Subject-Token"], document["token"]

    @property
    def admin_user(self) -> str:
        return self._token(None)[1]["user"]["id"]

    @property
    def admin_project(self) -> str:
        return self._token(None)[1]["project"]["id"]

    def call(
        self,
        method: str,
        service: str,
        path: str,
        body: Any = None,
        microversion: str | None = None,
        project: str | None = None,
    ) -> Any:
        """One request as admin, scoped to the project with this id (else to `admin`).

        The path begins after the version; Cinder's without the project id.
        """
        try:
            return self._call(method, service, path, body, microversion, project)
        except RestError as error:
            if error.status != 401:
                raise
        # Keystone revokes the tokens of a project that is disabled, for good.
        self._tokens.pop(project, None)
        return self._call(method, service, path, body, microversion, project)

    def _call(
        self,
        method: str,
        service: str,
        path: str,
        body: Any,
        microversion: str | None,
        project: str | None,
    ) -> Any:
        token, about = self._token(project)
        headers = {"X-Auth-Token": token}
        if microversion:
            headers["OpenStack-API-Version"] = f"{MICROVERSION_TYPES[service]} {microversion}"
        url = self._plan.url(service)
        if service == "cinder":
            url += f"/{about['project']['id']}"
        return request(method, url + path, body, headers)[0]

    def pages(
        self,
        service: str,
        path: str,
        key: str,
        microversion: str | None = None,
        project: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The elements of all pages of a list."""
        following: str | None = path
        while following:
            answer = self.call("GET", service, following, None, microversion, project)
            yield from answer[key]
            links = answer.get(f"{key}_links") or []
            next_link = next((link["href"] for link in links if link["rel"] == "next"), None)
            following = self._path(service, next_link) if next_link else None

    def _path(self, service: str, url: str) -> str:
        parts = urlsplit(url)
        path = parts.path.removeprefix(VERSIONS.get(service, ""))
        if service == "cinder":
            path = "/" + path.split("/", 2)[2]  # the project id goes in again
        return f"{path}?{parts.query}" if parts.query else path
