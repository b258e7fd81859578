"""Customer: numbers of projects, groups and instances of each customer."""

from collections.abc import Iterable

from openstats.model import CustomerCounts


def listing(
    customers: Iterable[CustomerCounts], *, with_uuid: bool = False
) -> list[dict[str, object]]:
    """Return one entry for each customer, in the given order; ``with_uuid`` adds the uuid."""
    return [_entry(counts, with_uuid=with_uuid) for counts in customers]


def _entry(counts: CustomerCounts, *, with_uuid: bool) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": counts.customer.name,
        "projects": counts.projects,
        "project_groups": counts.project_groups,
        "instances": counts.instances,
    }
    return {"uuid": counts.customer.uuid, **entry} if with_uuid else entry
