"""YAML documents: what a few lines stand for is bounded by their length."""

import pytest

from openstats.cli.yaml_document import load
from openstats.errors import RegistryError

LEVELS = 40
BOMB = "\n".join(
    ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, LEVELS))]
)


def test_a_document_is_what_it_says() -> None:
    assert load("customers: [{name: 株式会社, created_at: 5}]", "f") == {
        "customers": [{"name": "株式会社", "created_at": 5}]
    }
    assert load("", "f") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, r"the alias \*a0 is not allowed: write the value out"),
        ("customers: &c [*c]", r"the alias \*c is not allowed"),
        ("[" * 5000, "is nested too deeply"),
        ("a: [", "cannot be read"),
        ("a: 2026-13-45", "cannot be read"),
        ("a: !!python/object:os.system x", "cannot be read"),
        ("a: 1\n---\nb: 2", "cannot be read"),
    ],
)
def test_unreadable_yaml_is_refused_at_once(text: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=r"^f cannot be read.*") as refused:
        load(text, "f")
    refused.match(f"(?s){reason}")
