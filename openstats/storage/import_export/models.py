"""Models of a registry document: what each entry may contain, and the messages for errors.

``importer`` compares entries with the store; nothing here reads it.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from uuid import UUID, uuid4

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    Strict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from openstats.errors import RegistryError
from openstats.names import RULE, escaped, problem, storable
from openstats.storage.registry.grants import ROLES, GrantValues
from openstats.storage.registry.object_rows import ObjectRow
from openstats.storage.schema.tables import GRANTEES
from openstats.unix_time import LATEST

FIELD_RULES = {
    "origin": "origin must have keystone (a text of at most 1024 characters) and id (of at most "
    "255), as an export has them",
    "scope": f"scope must have exactly one of {', '.join(ROLES)}",
    **dict.fromkeys(GRANTEES, f"must have exactly one of {', '.join(GRANTEES)}, a name"),
}
"""The messages for fields whose errors all get the same message."""


def _name(value: Any) -> Any:
    reason = problem(value)
    if reason is None:
        return value
    if value is None:
        raise ValueError(f"needs a name and has none; {RULE}")
    quotes = "" if isinstance(value, str) else ", put it in quotes"
    raise ValueError(f"needs a name and has one with {reason}{quotes}; {RULE}")


def _uuid(value: Any) -> str:
    """Return the dashed form of a uuid; a new uuid for None."""
    if value is None:
        return str(uuid4())
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise ValueError(f"{value!a} is not a uuid") from None


def _time(value: Any) -> Any:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if value is None or (is_integer and 0 <= value <= LATEST):
        return value
    raise ValueError(
        f"created_at must be Unix seconds up to {LATEST}, or null where it is not known, "
        f"not {value!a}"
    )


def _text(value: str) -> str:
    if storable(value) != value:
        raise ValueError("no store takes it")
    return value


def _grantee(value: Any) -> Any:
    return value if value is None else _name(value)


Name = Annotated[str, BeforeValidator(_name)]
Uuid = Annotated[str, BeforeValidator(_uuid)]
Time = Annotated[int | None, BeforeValidator(_time)]
Grantee = Annotated[str | None, BeforeValidator(_grantee)]
Kind = Literal["customer", "project_group", "project", "cloud"]

T = TypeVar("T")
Entries = Annotated[list[T], Strict(), BeforeValidator(lambda value: value or [])]
"""A list of entries; null and empty values become the empty list."""


class OriginEntry(BaseModel):
    """The Keystone that an object was found in, and its key there."""

    model_config = ConfigDict(extra="forbid", strict=True)

    keystone: Annotated[
        str, StringConstraints(min_length=1, max_length=1024), AfterValidator(_text)
    ]
    id: Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_text)]


class Entry(BaseModel):
    """An entry of a document: a mapping without keys other than its fields."""

    model_config = ConfigDict(extra="forbid")
    kind: ClassVar[str]
    _label: str = PrivateAttr("")

    def error(self, message: str) -> RegistryError:
        """Return an error about this entry; the message names the entry."""
        return _error(self.kind, message, self._label)


class TenantEntry(Entry):
    """A tenant: the name of its cloud, and its Keystone id. Both are converted to text."""

    kind = "tenant"

    cloud: Any = None
    tenant_id: Any = None


class ObjectEntry(Entry):
    """A customer, project or project group."""

    uuid: Uuid = Field(None, validate_default=True)
    name: Name = Field(None, validate_default=True)
    created_at: Time = None
    origin: Annotated[OriginEntry | None, BeforeValidator(lambda value: value or None)] = None

    def columns(self) -> ObjectRow:
        """Return the columns that the entry sets; created_at only if the entry has it."""
        columns: ObjectRow = {"uuid": self.uuid, "name": self.name}
        if "created_at" in self.model_fields_set:
            columns["created_at"] = self.created_at
        columns["keystone"] = self.origin and self.origin.keystone
        columns["keystone_id"] = self.origin and self.origin.id
        return columns


class ProjectEntry(ObjectEntry):
    """A project, with the tenants that are linked to it."""

    kind = "project"

    tenants: Entries[TenantEntry] = []


class ProjectGroupEntry(ObjectEntry):
    """A project group, with the uuids of the projects in it."""

    kind = "project_group"

    projects: Entries[Uuid] = []


class CustomerEntry(ObjectEntry):
    """A customer, with the projects and project groups that it owns."""

    kind = "customer"

    projects: Entries[ProjectEntry] = []
    project_groups: Entries[ProjectGroupEntry] = []


class GrantEntry(Entry):
    """A grant: one grantee, a role, and the object that it is on.

    The object is given by uuid, a cloud by name.
    """

    kind = "grant"

    uuid: Uuid = Field(None, validate_default=True)
    user_id: Grantee = None
    group_id: Grantee = None
    subject: Grantee = None
    role: Any = None
    scope: Annotated[dict[Kind, Any], Field(min_length=1, max_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self._grantees()) != 1:
            raise ValueError(FIELD_RULES["subject"])
        ((kind, object_uuid),) = self.scope.items()
        if self.role not in ROLES[kind]:
            raise ValueError(f"role on a {kind} is {' or '.join(ROLES[kind])}, not {self.role!a}")
        if kind != "cloud":
            self.scope[kind] = _uuid(object_uuid)
        return self

    def _grantees(self) -> dict[str, str]:
        grantees = {"user_id": self.user_id, "group_id": self.group_id, "subject": self.subject}
        return {kind: name for kind, name in grantees.items() if name is not None}

    def values(self) -> GrantValues:
        """Return the values of the grant; for a cloud, ``object_uuid`` holds its name."""
        ((grantee_kind, grantee),) = self._grantees().items()
        ((kind, object_uuid),) = self.scope.items()
        return GrantValues(grantee_kind, grantee, self.role, kind, object_uuid)


class RegistryDocument(Entry):
    """A whole registry document."""

    kind = "document"

    customers: Entries[CustomerEntry] = []
    unlinked: Entries[TenantEntry] = []
    grants: Entries[GrantEntry] = []

    def label_all(self) -> None:
        """Label each entry, so that error messages can name it."""
        _label_all(self.customers)
        _label_all(self.unlinked)
        _label_all(self.grants)
        for customer in self.customers:
            _label_all(customer.projects, customer)
            _label_all(customer.project_groups, customer)
            for project in customer.projects:
                _label_all(project.tenants, project)


LISTS: dict[tuple[str, str], type[Entry]] = {
    ("document", "customers"): CustomerEntry,
    ("document", "unlinked"): TenantEntry,
    ("document", "grants"): GrantEntry,
    ("customer", "projects"): ProjectEntry,
    ("customer", "project_groups"): ProjectGroupEntry,
    ("project", "tenants"): TenantEntry,
}
"""The models of list elements, by the kind of the entry and the name of the list."""


def parse(content: Any) -> RegistryDocument:
    """Return the document in ``content``, which is parsed YAML or JSON.

    Raises:
        RegistryError: the document is not valid; the message describes the first error.
    """
    try:
        document = RegistryDocument.model_validate(content)
    except ValidationError as invalid:
        error = invalid.errors(include_url=False)[0]
    else:
        document.label_all()
        return document
    raise _refusal(content, error)


def _refusal(content: Any, error: Any) -> RegistryError:
    """Return an error in our own words: the entry, what is wrong, and what is allowed."""
    model, label, location = _locate(content, error["loc"])
    return _error(model.kind, _message(model, location, error), label)


def _locate(content: Any, location: tuple[Any, ...]) -> tuple[type[Entry], str, tuple[Any, ...]]:
    """Return the model and label of the innermost entry at a location, and the remaining path."""
    model: type[Entry] = RegistryDocument
    label = ""
    while len(location) > 1 and (model.kind, location[0]) in LISTS:
        name, index, *inner = location
        model, content, location = LISTS[model.kind, name], content[name][index], tuple(inner)
        object_name = content.get("name") if isinstance(content, Mapping) else None
        label = _label(model.kind, index + 1, object_name, label)
    return model, label, location


def _message(model: type[Entry], location: tuple[Any, ...], error: Any) -> str:
    """Return what is wrong at a location in an entry."""
    field = str(location[0]) if location else ""
    keys = ", ".join(sorted(model.model_fields))
    if field in FIELD_RULES:
        return FIELD_RULES[field]
    if not location and error["type"] == "model_type":
        return f"must be a mapping of {keys}"
    if error["type"] in ("extra_forbidden", "invalid_key"):
        return f"no key {escaped(field)}; there are {keys}"
    if error["type"] == "list_type":
        return f"{field} must be a list"
    return str(error["msg"]).removeprefix("Value error, ")


def _error(kind: str, message: str, label: str) -> RegistryError:
    return RegistryError(f"{kind}: {message}" + (f" ({label})" if label else ""))


def _label(kind: str, number: int, name: Any, owner: str) -> str:
    """Return the words for an entry: its name, or else its number in its list; and its owner."""
    is_named = isinstance(name, str) and name
    label = f"{kind} '{escaped(name[:100])}'" if is_named else f"{kind} number {number}"
    return f"{label} of {owner}" if owner else label


def _label_all(entries: Iterable[Entry], owner: Entry | None = None) -> None:
    for number, entry in enumerate(entries, 1):
        name = getattr(entry, "name", None)
        entry._label = _label(entry.kind, number, name, owner._label if owner else "")
