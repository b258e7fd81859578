"""Loading of YAML documents, with time and memory bounded by their size.

The content is validated elsewhere.
"""

from typing import Any

import yaml

from openstats.errors import RegistryError


class _LoaderWithoutAliases(yaml.SafeLoader):
    """A loader that refuses aliases: a few lines of them could expand beyond any memory."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None,
                None,
                f"the alias *{event.anchor} is not allowed: write the value out",
                event.start_mark,
            )
        return super().compose_node(parent, index)


def load(text: str, name: str) -> Any:
    """Return the content of a document; ``name`` is its name in error messages.

    Raises:
        RegistryError: the text is not YAML, has aliases, or nests too deeply.
    """
    try:
        return _LoaderWithoutAliases(text).get_single_data()
    except (yaml.YAMLError, ValueError) as error:
        raise RegistryError(f"{name} cannot be read: {_reason(error)}") from error
    except RecursionError:
        raise RegistryError(f"{name} cannot be read: it is nested too deeply") from None


def _reason(error: Exception) -> str:
    """Return the problem and its position, without PyYAML's name "<unicode string>"."""
    match error:
        case yaml.MarkedYAMLError(problem_mark=yaml.Mark() as mark):
            problem = ", ".join(part for part in (error.context, error.problem) if part)
            return f"{problem} in line {mark.line + 1}, column {mark.column + 1}"
        case yaml.reader.ReaderError():
            return f"U+{error.character:04X} at character {error.position + 1}: {error.reason}"
    return str(error)
