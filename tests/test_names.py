"""Names: what is one, what is made one, and what a terminal is shown of it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openstats import names
from openstats.clouds.sanitize import clean

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_every_character_of_unicode_but_controls_surrogates_and_directions_is_in_names() -> None:
    for code in range(0x110000):
        character = chr(code)
        refused = unicodedata.category(character) in ("Cc", "Cs") or character in BIDI
        assert (names.problem(character) is not None) == refused, hex(code)


@pytest.mark.parametrize(
    "name",
    ["株式会社\u3000山田", "a\u00a0b", "👩\u200d🚀", "soft\u00adhyphen", " ", "\uffff", "x" * 255],
)
def test_names_as_clouds_have_them(name: str) -> None:
    assert names.problem(name) is None
    assert names.cleaned(name) == clean(name) == name


def test_unstorable_characters_of_clouds_are_replaced() -> None:
    assert clean("a\0b\ud800\x1b\u202e") == "a\ufffdb\ufffd\x1b\u202e"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "0 characters"),
        ("x" * 256, "256 characters"),
        ("a\tb", "U+0009 at character 2"),
        ("abc\u202e", "U+202E at character 4"),
        (False, "False is not a text"),
        (7, "7 is not a text"),
    ],
)
def test_the_reason_why_something_is_no_name(value: object, problem: str) -> None:
    assert names.problem(value) == problem


@given(st.text(st.characters(), min_size=1, max_size=255))
def test_cleaning_keeps_the_length(given: str) -> None:
    name = names.cleaned(given)
    assert names.problem(name) is None
    assert len(name) == len(given)


def test_controls_of_ascii_are_told_apart() -> None:
    assert names.cleaned("\t\r\x1b[31m\x7f\x9b\ud800\u202e") == "␉␍␛[31m␡\ufffd\ufffd\ufffd"


@pytest.mark.parametrize("name", ["株式会社\u3000山田", "a\u00a0b", "👩\u200d🚀", "Ümläut"])
def test_a_terminal_shows_what_it_does_not_act_on(name: str) -> None:
    assert names.escaped(name) == name


@given(st.text(st.characters()))
def test_a_terminal_is_shown_no_controls(given: str) -> None:
    categories = {unicodedata.category(character) for character in names.escaped(given)}
    assert not categories & {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not BIDI & set(names.escaped(given))
