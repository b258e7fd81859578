"""Models of the parameters of lists, and of single entries."""

from typing import Annotated

from pydantic import Field

from openstats.http.fields import AsInteger, Flag, Uuid
from openstats.http.parameters.query import Query


class ListParameters(Query):
    """Parameters of every list, besides the fields to filter by."""

    limit: Annotated[
        int,
        Field(ge=1, le=1000, description="Maximum entries per page. Default: 100."),
        AsInteger,
    ] = 100
    marker: Uuid | None = Field(None, description="Start after the entry with this UUID.")

    def filters(self) -> dict[str, object]:
        """Return the fields to filter by, each with the values that match."""
        names = self.model_fields_set - set(ListParameters.model_fields)
        return {name: getattr(self, name) for name in names}

    @property
    def past(self) -> bool:
        """Whether deleted entries are listed, too."""
        return False


class EntryParameters(Query):
    """Parameters of a single entry of a kind that keeps deleted entries."""

    deleted: Flag = Field(False, description="Show the entry even if it was deleted.")


class PastListParameters(ListParameters):
    """Parameters of a list of a kind that keeps deleted entries."""

    deleted: Flag | None = Field(
        None,
        description="Include deleted entries. Default: only those that uuid names.",
    )

    def filters(self) -> dict[str, object]:
        """Return the fields to filter by, each with the values that match."""
        values = super().filters()
        values.pop("deleted", None)
        return values

    @property
    def past(self) -> bool:
        """Whether deleted entries are listed, too."""
        if self.deleted is not None:
            return self.deleted
        return bool(getattr(self, "uuid", ()) or set(getattr(self, "deleted_at", ())) - {None})
