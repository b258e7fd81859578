"""openstats as somebody has it who installed it: files, commands, and what they print."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from openstats import logs
from openstats.cli.main import main


@contextmanager
def kept_process() -> Iterator[None]:
    """Put back what a command does to its process: to the logging, and to signals."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    loggers = [logging.getLogger(name) for name in ("", *logs.LOGGERS)]
    kept = [(each, each.level, list(each.handlers)) for each in loggers]
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for each, level, handlers in kept:
            each.setLevel(level)
            for handler in each.handlers:
                if handler not in handlers:
                    handler.close()
            each.handlers[:] = handlers


class Told(NamedTuple):
    """What a command left: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


class Installation:
    """A directory with configuration, clouds.yaml and a store.

    ``run`` needs ``capsys``; ``environ`` is what processes have beside this one's environment.
    """

    def __init__(
        self, directory: Path, capsys: pytest.CaptureFixture[str] | None = None, **environ: str
    ) -> None:
        self.directory = directory
        self._capsys = capsys
        self.environ = environ
        self.store = directory / "openstats.sqlite"
        self.clouds_yaml = directory / "clouds.yaml"
        self.conf = directory / "openstats.conf"
        self.options: dict[str, dict[str, Any]] = {}
        self.configure("database", connection=f"sqlite:///{self.store}")
        # No balancer has to be told before ``serve`` ends.
        self.configure("api", drain_delay=0)

    @property
    def capsys(self) -> pytest.CaptureFixture[str]:
        """What a command that is run in this process prints."""
        assert self._capsys
        return self._capsys

    def configure(self, group: str, **options: Any) -> None:
        """Add options to the configuration."""
        self.options.setdefault(group, {}).update(options)
        lines = [
            line
            for name, options in self.options.items()
            for line in (f"[{name}]", *(f"{key} = {value}" for key, value in options.items()))
        ]
        self.conf.write_text("\n".join(lines) + "\n")

    def clouds(self, **entries: dict[str, Any]) -> None:
        """Write clouds.yaml."""
        self.clouds_yaml.write_text(yaml.safe_dump({"clouds": entries}, sort_keys=False))

    def run(self, *words: str) -> Told:
        """Run a command in this process."""
        self.capsys.readouterr()
        try:
            status = main(["--config-file", str(self.conf), *words])
        except SystemExit as ended:
            # How argparse ends.
            status = ended.code or 0
        printed = self.capsys.readouterr()
        return Told(status, printed.out, printed.err)

    def sentence(self, *words: str) -> str:
        """Give what a command says that fails: one line, without a traceback."""
        told = self.run(*words)
        assert told.status == 1, told
        assert told.out == ""
        assert told.err.startswith("openstats: ")
        assert told.err.count("\n") == 1, told.err
        return told.err.removeprefix("openstats: ").rstrip("\n")

    @contextmanager
    def started(self, *words: str) -> Iterator["Process"]:
        """Start a command that stays."""
        command = [sys.executable, "-m", "openstats.cli.main", "--config-file", str(self.conf)]
        # What libraries warn of is looked at where commands run in this process.
        environ = os.environ | self.environ | {"PYTHONWARNINGS": "ignore"}
        with subprocess.Popen(
            [*command, *words],
            env=environ,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield Process(process)
            finally:
                process.kill()


class Process:
    """A command that stays, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""

    def until(self, words: str) -> str:
        """Read until there is a line with these words, and give it; fail if the process ends."""
        assert self.process.stderr
        for line in self.process.stderr:
            self.said += line
            if words in line:
                return line
        raise AssertionError(f"it ended without {words!r}:\n{self.said}")

    def end(self) -> int:
        """Send SIGTERM, and give the exit status; ``said`` is everything then."""
        self.process.terminate()
        status = self.process.wait(20)
        assert self.process.stderr
        self.said += self.process.stderr.read()
        return status
