"""A verdict for people."""

from loadtests.crowd.names import LAG, MARKS
from loadtests.outcome import Outcome
from loadtests.record import Records, read_records
from usher.insight.commands import lines


def tell(outcome: Outcome) -> list[str]:
    """Lines: the requests, the audit, the budgets, the other checks, the verdict."""
    records, marks = read_records(outcome.out), read_records(outcome.out / MARKS)
    told = ["", *_latencies(records, marks), ""]
    if outcome.audit is not None:
        told += [*lines(outcome.audit), ""]
    for each in outcome.verdict.budgets:
        seen = "never seen" if each.seen_ms is None else f"{each.seen_ms:,.0f} ms"
        name = f"{each.phase}: {each.name}" if each.phase else each.name
        told.append(
            f"{'ok  ' if each.ok else 'FAIL'} {name:<28} {f'p{each.percentile:g}':<5} {seen:>12}"
            f"  of {each.limit_ms:,.0f} ms"
        )
    for check in outcome.verdict.checks:
        told.append(f"{'ok  ' if check.ok else 'FAIL'} {check.name:<28} {check.says}")
    told += ["", *_crowd(outcome, marks)]
    told.append(f"records and report: {outcome.out}")
    told.append("GOOD" if outcome.verdict.ok else "BROKEN")
    return told


def _latencies(records: Records, marks: Records) -> list[str]:
    told = [f"{'':<24} {'count':>9} {'p50':>9} {'p90':>9} {'p99':>9} {'max':>9}  status"]
    for name, tally in [*records.totals().items(), *marks.totals().items()]:
        cells = " ".join(
            f"{ms:>9,.1f}" if ms is not None else f"{'-':>9}"
            for ms in (tally.latency.percentile_ms(p) for p in (50, 90, 99, 100))
        )
        if name in marks.by_name:
            told.append(f"{name:<24} {tally.count:>9,} {cells}")
            continue
        statuses = ", ".join(f"{n:,} x {s or 'none'}" for s, n in sorted(tally.statuses.items()))
        told.append(f"{name:<24} {tally.count:>9,} {cells}  {statuses}")
    return told


def _crowd(outcome: Outcome, marks: Records) -> list[str]:
    counts = ", ".join(f"{name} {count:,}" for name, count in outcome.counts.items())
    cpu_s, seconds = outcome.client_cpu_s, outcome.ended - outcome.began
    memory = sum(each.memory_peak_mb for each in outcome.clients)
    lag = marks.total(LAG).latency.percentile_ms(99)
    told = [f"{name}: {note}" for name, note in outcome.notes.items()]
    told += [
        f"crowd: {counts}",
        f"client: {len(outcome.clients)} process{'es' * (len(outcome.clients) > 1)},"
        f" {cpu_s:.1f} s of CPU in {seconds:.1f} s, {memory:,.0f} MB",
    ]
    bought = outcome.counts.get("confirmed", 0)
    if bought and "streams at once" not in outcome.counts:
        told[-1] += f", {cpu_s / bought * 1000:.1f} ms a purchase"
    if lag is not None:
        told[-1] += f"; sent late by {lag:.1f} ms at p99"
    return told
