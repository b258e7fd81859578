"""Types of the JSON documents that services send and the store keeps.

Their values are checked where they are read, not here.
"""

from collections.abc import Mapping
from typing import Any

JsonValue = Any
"""Any value of a document: it is not checked yet."""

JsonObject = Mapping[str, JsonValue]
