"""Entries of a registry document: what each may hold, and which sentence refuses it.

What is there already, and whether an entry contradicts it, is the business of ``document``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from openstats.errors import RegistryError
from openstats.names import RULE, escaped, problem, storable
from openstats.storage.registry.grants import ROLES, GrantValues
from openstats.storage.schema.tables import GRANTEES
from openstats.unix_time import LATEST

KEYS = {
    "document": {"customers", "unlinked", "grants"},
    "customer": {"uuid", "name", "created_at", "origin", "projects", "project_groups"},
    "project": {"uuid", "name", "created_at", "origin", "tenants"},
    "project_group": {"uuid", "name", "created_at", "origin", "projects"},
    "tenant": {"cloud", "tenant_id"},
    "grant": {"uuid", *GRANTEES, "role", "scope"},
}
LONGEST = {"keystone": 1024, "id": 255}
"""Of an origin."""


class Entry(NamedTuple):
    """An entry with its kind, and the words by which an error tells it from others."""

    kind: str
    words: str
    fields: Mapping[str, Any]

    def error(self, what: str) -> RegistryError:
        """Return the error that says what is wrong with this entry."""
        where = f" ({self.words})" if self.words else ""
        return RegistryError(f"{self.kind}: {what}{where}")

    def entries(self, key: str, kind: str) -> Iterator["Entry"]:
        """Return the entries in a list of this one.

        Raises:
            RegistryError: it is no list, or one of them no mapping of what its kind may hold.
        """
        owner = f" of {self.words}" if self.words else ""
        for number, fields in enumerate(self.listed(key), 1):
            yield _checked(kind, f"{kind} {_which(number, fields)}{owner}", fields)

    def listed(self, key: str) -> list[Any]:
        """Return a list of this entry; the empty one where there is none.

        Raises:
            RegistryError: it is no list.
        """
        found = self.fields.get(key) or []
        if not isinstance(found, list):
            raise RegistryError(f"{key}: it takes a list ({self.words or self.kind})")
        return found


def document(given: Any) -> Entry:
    """Return the whole document as an entry.

    Raises:
        RegistryError: it is no mapping, or has unknown keys.
    """
    if not isinstance(given, Mapping):
        raise RegistryError("customers: it takes a list, in a mapping")
    return _checked("document", "", given)


def _checked(kind: str, words: str, fields: Any) -> Entry:
    entry = Entry(kind, words, fields)
    keys = ", ".join(sorted(KEYS[kind]))
    if not isinstance(fields, Mapping):
        raise entry.error(f"it takes a mapping of {keys}")
    if unknown := sorted(set(map(str, fields)) - KEYS[kind]):
        raise entry.error(f"no key {escaped(unknown[0])}; there are {keys}")
    return entry


def _which(number: int, fields: Any) -> str:
    name = fields.get("name") if isinstance(fields, Mapping) else None
    return f"'{escaped(name[:100])}'" if isinstance(name, str) and name else f"number {number}"


def values(entry: Entry) -> dict[str, Any]:
    """Return the columns of a customer, project or group.

    Raises:
        RegistryError: one of its fields is not acceptable.
    """
    dated = {"created_at": _date(entry)} if "created_at" in entry.fields else {}
    name = {"uuid": uuid(entry, entry.fields.get("uuid")), "name": _name(entry)}
    return name | dated | _origin(entry)


def _name(entry: Entry) -> str:
    name = entry.fields.get("name")
    if reason := problem(name):
        quotes = "" if name is None or isinstance(name, str) else ", put it in quotes"
        has = "has none" if name is None else f"has one with {reason}{quotes}"
        raise entry.error(f"it needs a name and {has}; {RULE}")
    return str(name)


def _origin(entry: Entry) -> dict[str, Any]:
    origin = entry.fields.get("origin") or {}
    if not isinstance(origin, Mapping) or (origin and set(origin) != {"keystone", "id"}):
        raise entry.error("origin takes keystone and id, as an export has them")
    for key, text in origin.items():
        if (
            not isinstance(text, str)
            or not 1 <= len(text) <= LONGEST[key]
            or storable(text) != text
        ):
            raise entry.error(
                "keystone and id of an origin are texts, as an export has them; "
                f"{key} has at most {LONGEST[key]} characters"
            )
    return {"keystone": origin.get("keystone"), "keystone_id": origin.get("id")}


def uuid(entry: Entry, given: Any) -> str:
    """Return the dashed form of a uuid; a new one for None.

    Raises:
        RegistryError: it is no uuid.
    """
    if given is None:
        return str(uuid4())
    try:
        return str(UUID(str(given)))
    except ValueError:
        raise entry.error(f"{given!a} is no uuid") from None


def _date(entry: Entry) -> int | None:
    date = entry.fields["created_at"]
    if date is None:
        return None
    if isinstance(date, bool) or not isinstance(date, int) or not 0 <= date <= LATEST:
        raise entry.error(
            f"created_at takes Unix seconds, or null where it is not known, not {date!a}"
        )
    return date


def grant(entry: Entry) -> GrantValues:
    """Return what a grant says; its object is a uuid, or of a cloud its name.

    Raises:
        RegistryError: grantee, role or scope is not acceptable.
    """
    fields = entry.fields
    grantees = {name: fields[name] for name in GRANTEES if fields.get(name) is not None}
    scope, role = fields.get("scope"), fields.get("role")
    if len(grantees) != 1 or any(map(problem, grantees.values())):
        raise entry.error(f"it takes exactly one of {', '.join(GRANTEES)}, a text")
    if not isinstance(scope, Mapping) or len(scope) != 1 or not set(scope) <= set(ROLES):
        raise entry.error(f"scope takes exactly one of {', '.join(ROLES)}")
    ((kind, on),) = scope.items()
    if role not in ROLES[kind]:
        raise entry.error(f"role on a {kind} is {' or '.join(ROLES[kind])}, not {role!a}")
    ((grantee_kind, grantee),) = grantees.items()
    on = on if kind == "cloud" else uuid(entry, on)
    return GrantValues(grantee_kind, grantee, role, kind, on)
