"""`usher demo`: what is refused before anything starts, and what is shown meanwhile."""

import io
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from usher.errors import SetupError
from usher.rehearsal.commands import demo_command
from usher.rehearsal.hall import Board
from usher.rehearsal.model import Running
from usher.rehearsal.panel import LineScreen, LiveScreen, Pace, figures, live_panel, screen_on
from usher.rehearsal.tally import Tally


class Ups:
    """Brings nothing up, and remembers where it was asked to."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path, int]] = []

    def up(self, data_dir: Path, port: int) -> AbstractAsyncContextManager[Running]:
        self.asked.append((data_dir, port))
        raise SetupError("nothing is brought up here")


def demo(*words: str) -> tuple[Result, Ups]:
    ups = Ups()
    return CliRunner().invoke(demo_command(ups.up), list(words)), ups


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--fans", "0"], 1, "--fans"),
        (["--fans", "many"], 2, "--fans"),
        (["--rows", "400", "--columns", "400"], 1, "160,000 seats"),
        (["--plan", "nowhere.json"], 1, "nowhere.json"),
        (["--plan", "nowhere.json", "--bowl", "10"], 1, "--bowl"),
        (["--side", "side.json"], 1, "--side"),
        (["--mode", "auction"], 2, "--mode"),
        (["--mode", "simple", "--capacity", "3"], 1, "--capacity"),
        (["--port", "70000"], 2, "--port"),
        (["--json", "no/such/folder/verdict.json"], 2, "--json"),
        (["--audience", "3"], 2, "--audience"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    words: list[str], code: int, said: str
) -> None:
    result, ups = demo(*words)
    assert result.exit_code == code
    assert said in result.stderr
    assert ups.asked == []


def test_data_goes_to_a_folder_of_its_own_that_is_gone_afterwards() -> None:
    result, ups = demo("--port", "0")
    assert result.exit_code == 1
    assert "nothing is brought up here" in result.stderr
    [(data_dir, port)] = ups.asked
    assert port == 0
    assert not data_dir.parent.exists()


def test_data_goes_where_it_is_told_to_and_stays(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    _, ups = demo("--data-dir", str(tmp_path))
    assert ups.asked == [(tmp_path, 0)]
    assert (tmp_path / "kept").read_text() == "kept"


def test_a_file_for_the_verdict_is_not_left_behind_by_a_run_that_has_none(tmp_path: Path) -> None:
    demo("--json", str(tmp_path / "verdict.json"))
    assert list(tmp_path.iterdir()) == []


def test_with_the_verdict_on_stdout_all_else_is_on_stderr() -> None:
    result, _ = demo("--json", "-")
    assert result.stdout == ""
    assert "bringing up" in result.stderr


def tally() -> Tally:
    board = Board()
    board.reset("..hcss")
    shown = Tally(fans=1_200, joined=1_100, waiting=1_000, shopping=40, board=board)
    shown.phase = "on sale"
    shown.meter.note("hold", 409, 0.001)
    shown.meter.note("hold", 500, 0.001)
    return shown


def test_figures_are_those_of_the_tally() -> None:
    shown = figures(tally(), 7.4)
    assert shown["joined"] == "1,100 of 1,200"
    assert shown["held"] == "1"
    assert shown["sold"] == "2 of 6"
    assert shown["checkouts/s"] == "7"
    assert shown["refused 409"] == "1"
    assert shown["5xx"] == "1"
    assert "connection errors" not in shown


def test_connection_errors_are_shown_where_there_are_any() -> None:
    it = tally()
    it.meter.transport_errors = 3
    assert figures(it, 0)["connection errors"] == "3"


def test_the_panel_shows_every_figure() -> None:
    paper = io.StringIO()
    Console(file=paper, width=120).print(live_panel(tally(), 7.4))
    for name, value in list(figures(tally(), 7.4).items())[1:]:
        assert name in paper.getvalue()
        assert value in paper.getvalue()


def test_lines_are_not_wrapped_and_come_with_each_phase() -> None:
    paper = io.StringIO()
    with LineScreen(Console(file=paper, width=20)) as screen:
        it = tally()
        screen.note(it)
        screen.note(it)
        it.phase = "sold out"
        screen.note(it)
    lines = paper.getvalue().splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["on sale", "sold out"]


def test_a_terminal_gets_the_panel_and_a_pipe_gets_lines() -> None:
    assert isinstance(screen_on(Console(file=io.StringIO(), force_terminal=True)), LiveScreen)
    assert isinstance(screen_on(Console(file=io.StringIO())), LineScreen)


def test_pace_is_that_of_the_last_seconds() -> None:
    pace = Pace()
    assert pace.note(0, 0) == 0
    assert pace.note(1, 10) == 10
    for second in range(2, 20):
        last = pace.note(second, 10)
    assert last == 0
