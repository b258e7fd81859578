"""Names: which texts are valid names, and how other texts are cleaned, stored and displayed.

HTTP bodies, registry documents and ``customer_file`` accept only valid names. Clouds may use
others: those are stored as far as the store can hold them, and cleaned on export.
"""

import re
import unicodedata

MAX_LENGTH = 255
BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
CONTROL = "\0-\x1f\x7f-\x9f"
HALVES = "\ud800-\udfff"
"""Lone surrogates, as in JSON's ``"\\ud800"``, which no encoding can represent."""

NO_STORE = re.compile(f"[\0{HALVES}]")
"""Characters that a store cannot hold. PostgreSQL rejects NUL; Keystone accepts it."""

REFUSED = re.compile(f"[{CONTROL}{HALVES}{BIDI}]")
RULE = (
    f"a name has 1 to {MAX_LENGTH} characters, none of them a control character, a surrogate "
    "or a control of the direction of text"
)
JOINERS = "\u200c\u200d"
"""Zero-width joiners, which Persian, Indic scripts and emoji need."""


def problem(text: object) -> str | None:
    """Return why a value is not a valid name; None if it is one."""
    if not isinstance(text, str):
        return f"{text!r} is not a text"
    if not 1 <= len(text) <= MAX_LENGTH:
        return f"{len(text)} characters"
    refused = REFUSED.search(text)
    return f"U+{ord(refused[0]):04X} at character {refused.start() + 1}" if refused else None


def storable(text: str) -> str:
    """Return a text of the same length that every store can hold."""
    return NO_STORE.sub("\N{REPLACEMENT CHARACTER}", text)


def cleaned(text: str) -> str:
    """Return a text of the same length in which each character may be part of a name.

    ASCII control characters become their Unicode pictures, as in ``␛[31m``; other invalid
    characters become U+FFFD.
    """
    return REFUSED.sub(lambda refused: _picture(refused[0]), text)


def _picture(character: str) -> str:
    code = ord(character)
    if code < ord(" "):
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\N{REPLACEMENT CHARACTER}"


def escaped(text: str) -> str:
    """Return a text that is safe on a terminal and in a log: unprintable characters are escaped."""
    return "".join(c if _shown(c) else ascii(c)[1:-1] for c in text)


def _shown(character: str) -> bool:
    return (
        character.isprintable()
        or character in JOINERS
        or unicodedata.category(character) == "Zs"  # isprintable() knows no space but " ".
    )


def noun(name: str) -> str:
    """Return the words of a table, kind or field: ``project group`` for ``project_group``."""
    return name.replace("_", " ")


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, such as "1 server" or "2 servers"."""
    return f"{number} {noun if number == 1 else f'{noun}s'}"
