"""Names: which texts are names, how others become names, and how a terminal is shown them.

HTTP bodies, registry documents and ``customer_file`` go by this one definition. Clouds may hold
more: what they hold is stored as far as stores take it, and exported in a form that is a name.
"""

import re
import unicodedata

LONGEST = 255
BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
CONTROL = "\0-\x1f\x7f-\x9f"
HALVES = "\ud800-\udfff"
"""Halves of characters, as in JSON's ``"\\ud800"``, which no encoding has."""

NO_STORE = re.compile(f"[\0{HALVES}]")
"""What no store takes: PostgreSQL no NUL, and Keystone does."""

REFUSED = re.compile(f"[{CONTROL}{HALVES}{BIDI}]")
RULE = (
    f"a name has 1 to {LONGEST} characters, none of them a control character, a surrogate "
    "or a control of the direction of text"
)
JOINERS = "\u200c\u200d"
"""What Persian, Indic scripts and emoji need between their characters."""


def problem(text: object) -> str | None:
    """Return what keeps a value from being a name; None if it is one."""
    if not isinstance(text, str):
        return f"{text!r} is not a text"
    if not 1 <= len(text) <= LONGEST:
        return f"{len(text)} characters"
    refused = REFUSED.search(text)
    return f"U+{ord(refused[0]):04X} at character {refused.start() + 1}" if refused else None


def storable(text: str) -> str:
    """Return a text of the same length that every store takes."""
    return NO_STORE.sub("\N{REPLACEMENT CHARACTER}", text)


def cleaned(text: str) -> str:
    """Return a text of the same length in which each character may be part of a name.

    Controls of ASCII become their pictures, as in ``␛[31m``; others are replaced.
    """
    return REFUSED.sub(lambda refused: _picture(refused[0]), text)


def _picture(character: str) -> str:
    code = ord(character)
    if code < ord(" "):
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\N{REPLACEMENT CHARACTER}"


def escaped(text: str) -> str:
    """Return a text that is harmless on a terminal and in a log: escapes for what is not shown."""
    return "".join(c if _shown(c) else ascii(c)[1:-1] for c in text)


def _shown(character: str) -> bool:
    return (
        character.isprintable()
        or character in JOINERS
        or unicodedata.category(character) == "Zs"  # All spaces but " " are not "printable".
    )
