"""People in a real Keystone: users with roles, and their tokens of every kind."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.devcloud import Cloud
from tests.devcloud.rest import request
from tests.functional.leaks import WATCH

PASSWORD = "known to tests only"


@dataclass(frozen=True)
class User:
    id: str
    name: str


class Keystone:
    """Asks a devcloud's Keystone as its admin, and as anybody else."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.url = cloud.clouds_entry()["auth"]["auth_url"]
        roles = self.call("GET", "/roles")["roles"]
        self.roles = {role["name"]: role["id"] for role in roles}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return self.cloud.rest.call(method, "keystone", path, body)

    def project(self, name: str) -> str:
        (found,) = self.call("GET", f"/projects?name={name}&domain_id=default")["projects"]
        return str(found["id"])

    def user(self, **roles: str) -> User:
        """Make a user with a role in scopes: ``project_ID``, ``domain_ID`` or ``system``."""
        body = {"name": f"persona-{uuid4().hex}", "domain_id": "default", "password": PASSWORD}
        made = self.call("POST", "/users", {"user": body})["user"]
        user = User(made["id"], made["name"])
        for scope, role in roles.items():
            self.assign(user, scope, role)
        return user

    def assign(self, user: User, scope: str, role: str) -> None:
        kind, _, id_ = scope.partition("_")
        where = "/system" if kind == "system" else f"/{kind}s/{id_}"
        self.call("PUT", f"{where}/users/{user.id}/roles/{self.roles[role]}")

    def group(self, *users: User) -> str:
        body = {"name": f"group-{uuid4().hex}", "domain_id": "default"}
        made: str = self.call("POST", "/groups", {"group": body})["group"]["id"]
        for user in users:
            self.call("PUT", f"/groups/{made}/users/{user.id}")
        return made

    def token(self, user: User, **scope: Any) -> str:
        """Give a token: ``project=ID``, ``domain=ID``, ``system=True``, ``trust=ID``, or none."""
        named = {"id": user.id, "password": PASSWORD}
        return self._token({"methods": ["password"], "password": {"user": named}}, _scope(scope))

    def application_credential(self, user: User, project: str, **more: Any) -> tuple[str, str]:
        """Make one, with the token of a user, and give its id and a token of it."""
        body = {"application_credential": {"name": f"credential-{uuid4().hex}"} | more}
        made, _ = request(
            "POST",
            f"{self.url}/users/{user.id}/application_credentials",
            body,
            {"X-Auth-Token": self.token(user, project=project)},
        )
        credential = made["application_credential"]
        WATCH.secrets.add(credential["secret"])
        secret = {"id": credential["id"], "secret": credential["secret"]}
        methods = {"methods": ["application_credential"], "application_credential": secret}
        return credential["id"], self._token(methods, {})

    def trust(self, trustor: User, trustee: User, project: str, role: str) -> str:
        """Have one user trust another with a role in a project, and give the trustee's token."""
        return self.token(trustee, trust=self.trusted(trustor, trustee, project, role))

    def trusted(self, trustor: User, trustee: User, project: str, role: str) -> str:
        """Have one user trust another likewise, and give the id of the trust."""
        body = {
            "trustor_user_id": trustor.id,
            "trustee_user_id": trustee.id,
            "project_id": project,
            "impersonation": True,
            "roles": [{"name": role}],
        }
        mine = {"X-Auth-Token": self.token(trustor, project=project)}
        made, _ = request("POST", f"{self.url}/OS-TRUST/trusts", {"trust": body}, mine)
        return str(made["trust"]["id"])

    def revoke(self, token: str) -> None:
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        request("DELETE", f"{self.url}/auth/tokens", None, headers)

    def _token(self, identity: Any, scope: Any) -> str:
        body = {"auth": {"identity": identity} | scope}
        _, headers = request("POST", f"{self.url}/auth/tokens", body)
        return str(headers["X-Subject-Token"])


def _scope(asked: dict[str, Any]) -> dict[str, Any]:
    if not asked:
        return {"scope": "unscoped"}
    ((kind, value),) = asked.items()
    known = {
        "system": {"system": {"all": True}},
        "trust": {"OS-TRUST:trust": {"id": value}},
    }
    return {"scope": known.get(kind, {kind: {"id": value}})}
