"""The report of a load test: all that was recorded is in it, nothing is from elsewhere."""

import json
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from loadtests.record import Recorder, RecordError
from loadtests.report import compare, render
from loadtests.report.__main__ import main
from loadtests.report.chart import LEFT, RIGHT, WIDTH
from loadtests.report.plots import charts
from loadtests.report.reading import read_run

BEGAN = 1_800_000_000
VOID = {"meta", "link", "br"}

Asked = list[tuple[int, str, int, float]]


class Page(HTMLParser):
    """What a browser would find: elements, addresses, the lines of each chart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.lines: dict[str, list[str]] = {}  # chart -> labels of lines that have a path
        self.ids: list[str] = []
        self.labels: list[str] = []
        self._chart = self._line = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.addresses += [found[name] for name in ("src", "href", "action") if name in found]
        self.ids += [found["id"]] if "id" in found else []
        self._chart = found.get("data-chart", self._chart)
        self._line = found.get("data-line", self._line)
        if tag == "path" and found.get("class", "").startswith("line") and self._line:
            assert found["d"].startswith("M")
            self.lines.setdefault(self._chart, []).append(self._line)
            self._line = ""


def leave(folder: Path, asked: Asked, samples: Sequence[Mapping[str, Any]], **run: Any) -> Path:
    """A run's folder. `asked` is (second, name, status, latency in seconds)."""
    folder.mkdir(exist_ok=True)
    now = [0.0]
    recorder = Recorder(folder, lambda: now[0])
    for second, name, status, latency_s in asked:
        now[0] = BEGAN + second
        recorder.note(name, status, latency_s)
    recorder.close()
    if samples:
        (folder / "series.jsonl").write_text("".join(json.dumps(each) + "\n" for each in samples))
    verdict = {"scenario": "stampede", "ok": True, "began": BEGAN, "ended": BEGAN + 10} | run
    (folder / "run.json").write_text(json.dumps(verdict))
    return folder


ASKED: Asked = [(second // 2, "hold", 201, 0.02) for second in range(20)] + [
    (3, "join", 202, 0.01),
    (4, "join", 503, 0.001),
    (5, "join", 0, 10.0),
]
SAMPLE = {
    "waiting": 5, "shopping": 4, "joined": 9, "called": 6, "admitted": 5, "free": 3, "held": 2,
    "claimed": 1, "sold": 1, "confirmed": 1, "rate_per_min": 60, "capacity": 10,
    "ledger_pending": 2, "ledger_lag_s": 0.1, "client_cpu_s": 1.0,
    "server_cpu_s": {"api": 1.0, "worker": 0.5},
}  # fmt: skip
SAMPLES: list[Mapping[str, Any]] = [{"t": BEGAN + second} | SAMPLE for second in range(10)]
AUDIT = {
    "event_id": "evt_1",
    "holds": False,
    "checks": [
        {"name": "double_sold", "promise": "none", "figure": 2, "holds": False, "detail": "A-1"},
        {"name": "over_rate", "promise": "none", "figure": 0, "holds": True},
    ],
    "facts": {"sold": 7},
}
BUDGETS = [
    {"name": "hold", "percentile": 99.0, "limit_ms": 250, "seen_ms": 20.4, "ok": True},
    {"name": "watch", "percentile": 100, "limit_ms": 10, "seen_ms": None, "ok": False},
]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_every_series_is_plotted(tmp_path: Path) -> None:
    budgets = [{"name": "join", "percentile": 99.0, "limit_ms": 9, "seen_ms": 1, "ok": True}]
    text = text_of(render(leave(tmp_path, ASKED, SAMPLES, budgets=budgets)))
    page = Page(text)
    assert "budget of p99, 9 ms" in text
    assert page.lines == {
        "requests": ["hold", "join"],
        "answers": ["201", "202"],
        "failures": ["503", "no answer"],
        "latency-hold": ["p50", "p95", "p99"],
        "latency-join": ["p50", "p95", "p99"],
        "line": ["waiting"],
        "shopping": ["shopping", "the gate's capacity"],
        "admissions": ["joined", "called", "admitted"],
        "admission-rate": ["called", "admitted", "the gate's rate"],
        "seats": ["free", "held", "claimed", "sold"],
        "bookings": ["confirmed"],
        "booking-rate": ["confirmed"],
        "rate": ["rate"],
        "lag": ["lag"],
        "pending": ["entries"],
        "cpu": ["client", "api", "worker"],
    }
    assert len(page.ids) == len(set(page.ids))


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    text = text_of(
        render(leave(tmp_path, ASKED, SAMPLES, audit=AUDIT, base_url="https://tickets.example.org"))
    )
    assert {re.sub("^#.*", "#", address) for address in Page(text).addresses} == {"#", "data:,"}
    style = "".join(re.findall("<style>(.*?)</style>", text, re.DOTALL))
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"\b(fetch|import|XMLHttpRequest|WebSocket)\b", text)
    # An address that is told is text and no more.
    assert text.count("http") == text.count("https://tickets.example.org") == 1


def test_the_verdict_is_at_the_top(tmp_path: Path) -> None:
    out = leave(tmp_path, ASKED, SAMPLES, ok=False, audit=AUDIT, budgets=BUDGETS)
    words = re.sub(r"<[^>]*>|\s+", " ", text_of(render(out)).partition("<main")[2])
    words = re.sub(" +", " ", words)
    assert words.index("✗ failed") < words.index("Audit: broken: double_sold.")
    assert words.index("Budgets: 1 of 2 kept.") < words.index("Requests: 23 in")
    assert "2 refused or failed" in words
    assert "hold p99 20.4 250 ✓ kept" in words
    assert "watch max - 10 ✗ never asked for" in words
    assert "201 20 86.96 %" in words
    assert "no answer 1 4.35 %" in words


def test_the_audit_may_be_missing(tmp_path: Path) -> None:
    assert "Audit: not to be had." in text_of(render(leave(tmp_path, ASKED, [])))


def test_a_run_of_nothing_has_a_report(tmp_path: Path) -> None:
    text = text_of(render(leave(tmp_path, [], [])))
    assert "No requests were recorded." in text
    assert "Not recorded, and so not shown: length of the line," in text
    assert Page(text).lines == {}


def test_what_was_not_sampled_is_named_and_not_drawn(tmp_path: Path) -> None:
    out = leave(tmp_path, ASKED, [{"t": BEGAN, "waiting": 3}, {"t": BEGAN + 1, "waiting": 4}])
    text = text_of(render(out))
    sampled = {chart.key for chart in charts(read_run(out)) if chart.section != "Requests"}
    assert {key for key in sampled if not key.startswith("latency-")} == {"line"}
    assert "commit lag" in text.partition("so not shown:")[2]


def test_names_are_text(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>\"'"
    out = leave(tmp_path, [(0, evil, 200, 0.1)], [], scenario=evil, options={evil: evil})
    text = text_of(render(out))
    assert text.count("<script>") == 1
    assert Page(text).lines["requests"] == [evil]


def test_other_times_are_not_counted_as_requests(tmp_path: Path) -> None:
    out = leave(tmp_path, [(0, "hold", 201, 0.01)] * 30, [])
    leave(tmp_path / "marks", [(0, "client lag", 200, 0.001)] * 30, [])
    text = text_of(render(out))
    lines = Page(text).lines
    assert lines["requests"] == ["hold"]
    assert lines["answers"] == ["201"]
    assert {"latency-hold", "time-client lag"} < set(lines)
    assert not [each for each in Page(text).ids if " " in each]
    assert "Requests: 30 in" in text


def test_names_too_seldom_for_a_plot_are_named(tmp_path: Path) -> None:
    text = text_of(render(leave(tmp_path, ASKED, [])))
    assert "Too seldom for a plot: join." in text
    assert "latency-join" not in Page(text).lines


def test_phases_and_checks_of_a_run_are_shown(tmp_path: Path) -> None:
    phases = {"usual": (BEGAN, BEGAN + 4), "overload": (BEGAN + 4, BEGAN + 10)}
    checks = [{"name": "sold", "says": "3 of 9 seats", "ok": False}]
    budgets = [BUDGETS[0] | {"phase": "overload", "ok": False}]
    out = leave(tmp_path, ASKED, [], phases=phases, checks=checks, budgets=budgets, ok=False)
    text = text_of(render(out))
    assert "✗ sold: 3 of 9 seats" in text
    assert "budget of p99, overload, 250 ms" in text
    [begin, middle] = re.findall(r'<rect class="phase(?: odd)?" x="([\d.]+)"', text)[:2]
    assert float(begin) == LEFT
    assert float(middle) == pytest.approx(LEFT + 0.4 * (WIDTH - RIGHT - LEFT), abs=0.1)


def test_more_names_than_styles_are_summed(tmp_path: Path) -> None:
    asked = [(0, f"name-{n:02}", 200, 0.1) for n in range(11) for _ in range(20 - n)]
    run = read_run(leave(tmp_path, asked, []))
    [requests] = [chart for chart in charts(run) if chart.key == "requests"]
    assert [line.label for line in requests.lines][-2:] == ["name-06", "4 others"]
    assert sum(line.values[0] for line in requests.lines) == len(asked)


def test_two_runs_share_axes_and_styles(tmp_path: Path) -> None:
    quick = leave(
        tmp_path / "quick", [(0, "hold", 201, 0.01)] * 30 + [(1, "join", 202, 0.01)] * 20, []
    )
    slow = leave(
        tmp_path / "slow", [(0, "join", 202, 5.0)] * 30 + [(1, "hold", 201, 5.0)] * 20, SAMPLES
    )
    text = text_of(compare(quick, slow))
    page = Page(text)
    assert page.lines["latency-hold"] == ["p50", "p95", "p99"] * 2
    assert text.count("Nothing to show in A.") == 11
    frames = re.findall(r'data-chart="latency-hold".*?</figure>', text, re.DOTALL)
    ours, theirs = (re.findall('text-anchor="end">(.*?)<', frame) for frame in frames)
    assert ours == theirs == ["10", "100", "1,000", "10,000"]
    styles = [
        dict(re.findall(r'data-line="(\w+)"><path class="line (s\d)"', frame))
        for frame in re.findall(r'data-chart="requests".*?</figure>', text, re.DOTALL)
    ]
    assert styles[0] == styles[1] == {"hold": "s0", "join": "s1"}
    assert len(page.ids) == len(set(page.ids))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is no folder"):
        render(tmp_path / "nowhere")
    with pytest.raises(RecordError, match=r"run\.json is missing"):
        render(tmp_path)
    (tmp_path / "run.json").write_text('{"scenario": "x"}')
    with pytest.raises(RecordError, match=r"run\.json: .*`ok`"):
        render(tmp_path)
    leave(tmp_path, [], [])
    (tmp_path / "series.jsonl").write_text('{"t": 1}\n{"t": 2, "waiting": "many"}\n')
    with pytest.raises(RecordError, match=r"series\.jsonl, line 2: .*waiting"):
        render(tmp_path)


def test_the_command_says_what_it_wrote_or_why_not(tmp_path: Path) -> None:
    out = leave(tmp_path / "run", ASKED, SAMPLES)
    done = CliRunner().invoke(main, [str(out)])
    assert (done.exit_code, done.output) == (0, f"{out / 'report.html'}\n")
    done = CliRunner().invoke(main, [str(out), str(out)])
    assert (done.exit_code, done.output) == (0, f"{out / 'comparison.html'}\n")
    done = CliRunner().invoke(main, [str(tmp_path)])
    assert done.exit_code == 1
    assert "run.json is missing" in done.output
