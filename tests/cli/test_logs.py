"""What commands leave in the log: where it goes, how it begins and ends, and each sentence once."""

from itertools import cycle, islice
from pathlib import Path
from threading import Event, Thread

import pytest
from oslo_context.context import RequestContext

from openstats import __version__, conf, logs
from tests.cli.installation import Installation
from tests.cli.processes.serving import WITHOUT_FIGURES, get, ready
from tests.double import Double
from tests.edge import Edge, Status

OPTION, FLAG = "log_file", "--log-file"


@pytest.fixture(params=[OPTION, FLAG])
def logging_to_a_file(
    request: pytest.FixtureRequest, installed: Installation
) -> tuple[Path, list[str]]:
    """Give a log file, and the words of a command line that writes it."""
    path = installed.directory / "openstats.log"
    if request.param == FLAG:
        return path, [FLAG, str(path)]
    installed.configure("DEFAULT", log_file=path)
    return path, []


def test_the_log_of_a_service_has_its_start_and_end(
    installed: Installation, logging_to_a_file: tuple[Path, list[str]]
) -> None:
    path, words = logging_to_a_file
    installed.configure("api", collect="false")
    with installed.started(*words, "serve", "--port", "0") as process:
        url = ready(process, WITHOUT_FIGURES)
        get(f"{url}/api/stats/customer/")
        assert process.end() == 0
    first, *rest, last = path.read_text().splitlines()
    told = f"configuration: {installed.conf}; store: sqlite:///{installed.store}; auth_strategy: "
    assert f"openstats {__version__}: serve starts, " in first
    assert told in first
    assert f"openstats {__version__}: serve ends, " in last
    assert any('"GET /api/stats/customer/" 200' in line and "[None req-" in line for line in rest)


def test_a_command_that_ends_writes_its_log_and_prints_its_errors_only(
    installed: Installation, alpha: Double, logging_to_a_file: tuple[Path, list[str]]
) -> None:
    path, words = logging_to_a_file
    entry = alpha.clouds_entry()
    entry["auth"]["auth_url"] = "http://127.0.0.1:1"
    installed.clouds(alpha=entry)
    told = installed.run(*words, "discover")
    assert told.status == 1
    (line,) = told.err.splitlines()
    sentence = line.removeprefix("openstats: alpha: ")
    assert path.read_text().count(sentence) == 1
    assert "Traceback" not in path.read_text()


def test_no_line_of_the_log_has_a_sentence_twice(
    installed: Installation, alpha: Double, edge: Edge
) -> None:
    edge.rule("os-hypervisors/statistics", Status(500))
    with installed.started("serve", "--port", "0") as process:
        ready(process)
        process.end()
    lines = process.said.splitlines()
    (line,) = [line for line in lines if "hypervisor statistics" in line and "WARNING" in line]
    assert line.count("HTTP 500") == 1
    assert line.count("alpha") == 1


@pytest.mark.parametrize("words", [["serve", "--port", "0"], ["collect"], ["discover"]])
def test_a_log_that_cannot_be_written_is_a_sentence(
    installed: Installation, alpha: Double, words: list[str]
) -> None:
    path = installed.directory / "nowhere" / "openstats.log"
    installed.configure("DEFAULT", log_file=path)
    said = installed.sentence(*words)
    assert f"log_file = {path}" in said
    assert f"directory {path.parent} does not exist. Create it" in said


def test_the_end_of_a_service_is_part_of_no_request(
    installed: Installation,
) -> None:
    path = installed.directory / "openstats.log"
    installed.configure("DEFAULT", log_file=path)
    options = conf.load([str(installed.conf)])
    logs.set_up_service(options)
    with logs.lifetime(options, "serve", "the store"):
        RequestContext(overwrite=True)
    assert "req-" not in path.read_text().splitlines()[-1]


def test_a_value_that_is_read_during_a_reload_does_not_outlive_it(tmp_path: Path) -> None:
    path, stopped = tmp_path / "openstats.conf", Event()
    path.write_text("[collector]\n")
    options = conf.load([str(path)])

    def read() -> None:
        while not stopped.is_set():
            _ = options.collector.capacity_interval

    reader = Thread(target=read)
    reader.start()
    try:
        for seconds in islice(cycle([1, 2]), 20):
            path.write_text(f"[collector]\ncapacity_interval = {seconds}\n")
            logs.reload(options)
            assert options.collector.capacity_interval == seconds
    finally:
        stopped.set()
        reader.join()
