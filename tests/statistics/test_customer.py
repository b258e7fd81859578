"""Customer: the entries of the listing."""

from openstats.model import CustomerCounts, ObjectName
from openstats.statistics.customer import listing

COUNTS = [
    CustomerCounts(ObjectName("u5", "Customer5"), projects=2, project_groups=1, instances=4),
    CustomerCounts(ObjectName("u1", "Customer1"), projects=0, project_groups=0, instances=0),
]
FIRST = {"instances": 4, "project_groups": 1, "name": "Customer5", "projects": 2}
SECOND = {"instances": 0, "project_groups": 0, "name": "Customer1", "projects": 0}


def test_exactly_the_specifications_keys_in_the_order_given() -> None:
    assert listing(COUNTS) == [FIRST, SECOND]


def test_the_uuid_only_when_asked_for() -> None:
    assert listing(COUNTS, with_uuid=True) == [FIRST | {"uuid": "u5"}, SECOND | {"uuid": "u1"}]


def test_no_customers_give_an_empty_list() -> None:
    assert listing([]) == []
