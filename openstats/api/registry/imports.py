"""Imports of the registry, with each change in the audit, in the form of a change over HTTP."""

from collections.abc import Callable, Mapping
from typing import Any

from openstats.api.registry import documents
from openstats.api.registry.documents import Document
from openstats.storage.import_export import importer
from openstats.storage.import_export.differences import Difference, StoredObject
from openstats.storage.registry import audit
from openstats.storage.registry.audit import Author, Change
from openstats.storage.store import Database

DOCUMENTS: Mapping[str, Callable[[Any], Document]] = {
    "customer": documents.customer,
    "project_group": documents.project_group,
    "project": documents.project,
    "tenant": documents.tenant,
    "grant": documents.grant,
}
"""The documents of objects by kind."""


def import_registry(db: Database, content: Any, author: Author) -> dict[str, int]:
    """Import a registry document and record the changes; return the number of entries by kind.

    Raises:
        RegistryError: the document has unknown keys, or contradicts itself or the registry.
    """
    result = importer.import_registry(db, content, author.at)
    audit.record_all(db, author, map(_change, result.differences))
    return result.counts


def _change(difference: Difference) -> Change:
    kind = difference.kind
    return Change(
        kind,
        difference.uuid,
        before=_document(kind, difference.before),
        after=_document(kind, difference.after),
    )


def _document(kind: str, row: StoredObject | None) -> Document | None:
    return None if row is None else DOCUMENTS[kind](row)
