"""The nouns, and what they say of themselves."""

from dataclasses import FrozenInstanceError

import pytest

from openstats.model import EVERYTHING, Changes, Coverage, Scope


def test_a_scope_of_no_projects_is_not_everything() -> None:
    assert EVERYTHING.everything
    assert not Scope(frozenset()).everything
    assert not Scope(frozenset(["p"])).everything


@pytest.mark.parametrize(
    ("coverage", "complete"),
    [
        (Coverage(), True),
        (Coverage(2, 2, 1, 1), True),
        (Coverage(2, 1, 1, 1), False),
        (Coverage(2, 2, 2, 1), False),
    ],
)
def test_coverage_is_complete_when_nothing_is_missing(coverage: Coverage, complete: bool) -> None:
    assert coverage.complete is complete


def test_changes_add_up() -> None:
    one, two = Changes(frozenset([1]), frozenset("a")), Changes(frozenset([2]), frozenset("a"))
    assert one | two == Changes(frozenset([1, 2]), frozenset("a"))


def test_nouns_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        EVERYTHING.projects = frozenset()  # type: ignore[misc]
