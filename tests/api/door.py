"""The application behind auth_token: a Keystone that hands out any token, and who may enter."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select
from webtest import TestApp

from openstats import conf
from openstats.storage.schema import tables
from openstats.storage.store import Store
from openstats.wsgi.app import make_app
from tests.double import Double
from tests.registry import NOW

CREDENTIAL = {
    "auth_type": "password",
    "username": "admin",
    "password": "double-secret",
    "project_name": "admin",
    "user_domain_id": "default",
    "project_domain_id": "default",
}
Token = dict[str, Any]


def token(*roles: str, user: str = "ann", project: str = "shop", **more: Any) -> Token:
    """Make a token as Keystone tells of it."""
    default = {"id": "default", "name": "Default"}
    return {
        "methods": ["password"],
        "user": {"id": user, "name": user, "domain": default, "password_expires_at": None},
        "audit_ids": ["x"],
        "issued_at": "2026-01-01T00:00:00.000000Z",
        "expires_at": "2099-01-01T00:00:00.000000Z",
        "project": {"id": project, "name": project, "domain": default},
        "is_domain": False,
        "roles": [{"id": role, "name": role} for role in roles],
    } | more


@dataclass
class Door:
    """The application behind auth_token, and the Keystone that it asks."""

    home: Path
    keystone: Double
    store: Store
    time: list[float] = field(default_factory=lambda: [float(NOW)])

    def app(self, options: dict[str, str] | None = None, **groups: dict[str, str]) -> TestApp:
        """Make the application, with options of [keystone_authtoken] and of other groups."""
        own = CREDENTIAL | {"auth_url": self.keystone.auth_url} | (options or {})
        sections = {"keystone_authtoken": own, "api": {"auth_strategy": "keystone"}} | groups
        path = self.home / f"{uuid4()}.conf"
        path.write_text(
            "".join(
                f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in given.items())
                for name, given in sections.items()
            )
        )
        return TestApp(make_app(conf.load([str(path)]), self.store, lambda: self.time[0]))

    def hand(self, content: Token) -> dict[str, str]:
        """Have Keystone know a token, and give the header that it is sent in."""
        key = f"gAAAAA{uuid4().hex}"
        self.keystone.site.handed[key] = content
        return {"X-Auth-Token": key}

    def grant(self, name: str, kind: str = "project", **to: str) -> None:
        """Grant a role on an object of a kind to a user, group or subject."""
        table = tables.metadata.tables[kind]
        with self.store.transaction() as db:
            row = db.scalar(select(table.c.id).where(table.c.name == name))
            values = {"uuid": str(uuid4()), "role": "manager", "created_at": 0, f"{kind}_id": row}
            db.execute(insert(tables.grant).values(values | to))
