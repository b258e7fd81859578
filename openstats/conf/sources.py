"""Sources of options: configuration files and environment variables, as texts."""

import os
from collections.abc import Iterator, Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import NamedTuple

from oslo_config import cfg

PREFIX, SEPARATOR = "OS_", "__"
"""Parts of the variables that set options, OS_GROUP__OPTION."""

PROJECT = "openstats"
ADVICE = "Make it readable for the user that runs openstats"

Sections = Mapping[str, Mapping[str, list[str]]]
"""The texts of options by group and name; an option that is repeated has several."""


class Variable(NamedTuple):
    """An environment variable of the form OS_GROUP__OPTION."""

    name: str
    group: str
    option: str
    text: str


class FilesError(cfg.Error):
    """Configuration files or directories cannot be read; there is one sentence for each."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


def check_readable(files: Sequence[str], directories: Sequence[str]) -> None:
    """Raise FilesError unless the files and directories, by default those found, can be read.

    oslo.config silently skips some unreadable files, and does not say why it cannot read others.
    """
    paths = files or cfg.find_config_files(project=PROJECT)
    folders = directories or cfg.find_config_dirs(project=PROJECT)
    faults = [*map(_file_fault, paths), *map(_directory_fault, folders)]
    if sentences := [fault for fault in faults if fault]:
        raise FilesError(sentences)


def _file_fault(path: str) -> str | None:
    if os.path.isdir(path):
        return f"{path} is a directory: use --config-dir for a directory"
    return _fault(path, "--config-file")


def _directory_fault(path: str) -> str | None:
    if os.path.isfile(path):
        return f"{path} is not a directory: use --config-file for a file"
    faults = [_fault(path, "--config-dir"), *map(_fault, sorted(glob(f"{path}/*.conf")))]
    return next((fault for fault in faults if fault), None)


def _fault(path: str, option: str = "") -> str | None:
    try:
        os.stat(path)
    except FileNotFoundError:
        return f"{path} does not exist: create it, or correct {option}"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}. {ADVICE}"
    if not os.access(path, os.R_OK, effective_ids=True):
        return f"{path} cannot be read: Permission denied. {ADVICE}"
    return _syntax_fault(path) if os.path.isfile(path) else None


def _syntax_fault(path: str) -> str | None:
    """Return which line of a file cannot be parsed, without its text, which may be secret."""
    try:
        sections(path)
    except cfg.ParseError as error:
        rule = "must be [GROUP], OPTION = VALUE below one, or a # comment"
        return f"{path}, line {error.lineno}: {rule}"
    except UnicodeDecodeError:
        return f"{path} is not UTF-8: save it in that encoding"
    return None


def files(conf: cfg.ConfigOpts) -> list[str]:
    """Return the paths of the files that ``conf`` was read from, in order."""
    paths = [*(conf.config_file or [])]
    paths += [str(p) for name in conf.config_dir or [] for p in sorted(Path(name).glob("*.conf"))]
    return list(dict.fromkeys(paths))


def named(conf: cfg.ConfigOpts) -> list[str]:
    """Return the files and directories that ``conf`` was read from, as they were named."""
    return list(dict.fromkeys([*(conf.config_file or []), *(conf.config_dir or [])]))


def sections(path: str) -> Sections:
    """Return the options of a readable file, by group."""
    groups: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(path, groups).parse()
    return groups


def variables() -> Iterator[Variable]:
    """Yield the environment variables of the form OS_GROUP__OPTION."""
    for name, text in os.environ.items():
        group, separator, option = name.removeprefix(PREFIX).partition(SEPARATOR)
        if name.startswith(PREFIX) and separator and group and option:
            yield Variable(name, group, option, text)


def written(conf: cfg.ConfigOpts, group: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Return the file or variable that sets an option, and its text; None if nothing sets it.

    ``names`` are the present and former names of the option.
    """
    for name in names:
        variable = f"{PREFIX}{group}{SEPARATOR}{name}".upper()
        if variable in os.environ:
            return variable, os.environ[variable]
    for path in reversed(files(conf)):
        options = sections(path).get(group, {})
        for name in names:
            if name in options:
                return path, options[name][-1]
    return None
