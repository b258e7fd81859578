"""Validation of options: a sentence for each invalid value, with its source and what is allowed."""

from collections.abc import Iterable, Iterator

from oslo_config import cfg, types

from openstats.conf.sources import written

SUBSTITUTION = (cfg.NoSuchOptError, cfg.NoSuchGroupError, cfg.TemplateSubstitutionError)
"""Exceptions of oslo.config if no option has the name after a dollar sign."""

Declared = Iterable[tuple[str | None, Iterable[cfg.Opt]]]
"""Options by group; None means [DEFAULT]."""


class Matching(types.String):
    """A text that matches a regular expression; ``allowed`` describes it in error messages."""

    def __init__(self, regex: str, allowed: str) -> None:
        super().__init__(regex=regex)
        self.allowed = allowed


class ValuesError(cfg.Error):
    """Options have invalid values; there is one sentence for each."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


def check(conf: cfg.ConfigOpts, declared: Declared) -> None:
    """Raise ValuesError unless all these options, registered on ``conf``, have valid values."""
    if sentences := [*_faults(conf, declared)]:
        raise ValuesError(sentences)


def _faults(conf: cfg.ConfigOpts, declared: Declared) -> Iterator[str]:
    for group, options in declared:
        section = conf[group] if group else conf
        for option in options:
            try:
                # Some options of oslo.log are not registered.
                if option.dest in section:
                    section[option.dest]
            except (ValueError, cfg.Error) as error:
                yield _sentence(conf, group or "DEFAULT", option, error)


def _sentence(conf: cfg.ConfigOpts, group: str, option: cfg.Opt, error: Exception) -> str:
    names = [option.dest, option.name, *(former.name for former in option.deprecated_opts)]
    source, text = written(conf, group, [name for name in names if name]) or ("", "")
    value = f" = {text}" if text and not option.secret else ""
    rule = f"must be {allowed(option.type)}"
    if isinstance(error.__context__ or error, SUBSTITUTION):
        rule = "no option has the name after $: write $$ for a dollar sign"
    return f"{source}: [{group}] {option.name}{value}: {rule}"


def allowed(kind: types.ConfigType) -> str:
    """Return the values that a type of oslo.config allows, as the rest of "must be ..."."""
    if words := getattr(kind, "allowed", None):
        return str(words)
    if isinstance(kind, types.Boolean):
        return "true or false"
    if isinstance(kind, types.Number):
        noun = "an integer" if isinstance(kind, types.Integer) else "a number"
        return noun + _bounds(kind)
    if choices := getattr(kind, "choices", None):
        return f"one of {', '.join(map(str, choices))}"
    return _parts(kind) or f"a {kind.type_name}"


def _parts(kind: types.ConfigType) -> str:
    """Return the values that a list or dict type allows; empty for other types."""
    if isinstance(kind, types.Dict):
        return f"NAME:VALUE pairs, separated by commas{_each(', each VALUE', kind.value_type)}"
    if isinstance(kind, types.List):
        return f"a list, separated by commas{_each(', each item', kind.item_type)}"
    return ""


def _bounds(kind: types.Number) -> str:
    if kind.min is not None and kind.max is not None:
        return f" from {kind.min} to {kind.max}"
    if kind.min is not None:
        return f" of at least {kind.min}"
    return "" if kind.max is None else f" of at most {kind.max}"


def _each(noun: str, kind: types.ConfigType) -> str:
    """Return what is allowed for each part; empty if any text is."""
    plain = type(kind) is types.String and not kind.choices and not kind.regex
    return "" if plain else f"{noun} {allowed(kind)}"
