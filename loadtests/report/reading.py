"""Reading back all that a run has left in its folder."""

from pathlib import Path
from typing import Any, Final

import msgspec

from loadtests.record import RecordError, Records, read_records
from loadtests.series import Sample, read_series

MARKS: Final = "marks"
SAMPLES_MAX: Final = 600
_GAP_S: Final = 3.0  # samples are taken once a second


class Budget(msgspec.Struct, kw_only=True):
    """A promise about a percentile (99; 100 is the most) of one request name, within a phase or,
    where that is "", the whole run; `seen_ms` is None where it was never asked for."""

    name: str
    percentile: float
    limit_ms: float
    seen_ms: float | None = None
    ok: bool
    phase: str = ""

    @property
    def says(self) -> str:
        """The percentile as it is named in tables."""
        return "max" if self.percentile == 100 else f"p{self.percentile:g}"


class Said(msgspec.Struct):
    """Anything else that had to hold, with what was seen."""

    name: str
    says: str
    ok: bool


class Check(msgspec.Struct):
    """One invariant of the audit."""

    name: str
    promise: str = ""
    figure: int = 0
    holds: bool = False
    detail: str = ""


class Audit(msgspec.Struct):
    """What `usher audit` found."""

    holds: bool
    checks: list[Check] = []
    facts: dict[str, int] = {}


class Verdict(msgspec.Struct, kw_only=True):
    """`run.json`: what was run, where, and what came of it. Times are in unix seconds.

    `audit` is None where the deployment's was not to be had. `phases` are {name: (from, to)},
    `counts` what the crowd did.
    """

    scenario: str
    ok: bool
    options: dict[str, Any] = {}
    machine: Any = ""
    began: float | None = None
    ended: float | None = None
    event: str = ""
    base_url: str = ""
    audit: Audit | None = None
    budgets: list[Budget] = []
    checks: list[Said] = []
    phases: dict[str, tuple[float, float]] = {}
    counts: dict[str, int] = {}
    notes: dict[str, str] = {}
    client_cpu_s: float | None = None


class Run(msgspec.Struct, kw_only=True):
    """One run: its verdict, its requests, what else it has measured and recorded in the same way
    (in the folder `marks`), its samples; `began` and `ended` in unix seconds."""

    folder: Path
    verdict: Verdict
    requests: Records
    measured: Records
    samples: list[Sample]
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return max(0.0, self.ended - self.began)


def read_run(folder: Path) -> Run:
    """A run's folder; RecordError where it is none, or something in it cannot be read."""
    if not folder.is_dir():
        raise RecordError(f"{folder} is no folder")
    verdict = _verdict(folder / "run.json")
    requests, measured = read_records(folder), read_records(folder / MARKS)
    samples = read_series(folder)
    times = [each.t for each in samples]
    for records in (requests, measured):
        for t, _ in records.steps():
            times += [t, t + records.step_s]
    times += [t for t in (verdict.began, verdict.ended) if t is not None]
    return Run(
        folder=folder,
        verdict=verdict,
        requests=requests,
        measured=measured,
        samples=_thinned(samples),
        began=min(times, default=0.0),
        ended=max(times, default=0.0),
    )


def _thinned(samples: list[Sample]) -> list[Sample]:
    """No more samples than a plot can show, and an empty one wherever some are missing, so that
    nothing is drawn across."""
    every = len(samples) // SAMPLES_MAX + 1
    found: list[Sample] = []
    for sample in samples[::every]:
        if found and sample.t - found[-1].t > _GAP_S * every:
            found.append(Sample(t=found[-1].t + every))
        found.append(sample)
    return found


def _verdict(path: Path) -> Verdict:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Verdict)
    except FileNotFoundError:
        raise RecordError(
            f"{path} is missing: the run did not come to its verdict, or this is not its folder"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as fault:
        raise RecordError(f"{path}: {fault}") from fault
