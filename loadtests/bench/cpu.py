"""Processor time of other processes, as Linux and psutil tell it."""

import psutil


def cpu_s(pid: int, *, children: bool = False) -> float:
    """Seconds of processor time, user and system, that a process has used; with `children`, those
    of its living children too (PostgreSQL has one for each connection)."""
    process = psutil.Process(pid)
    family = [process, *(process.children(recursive=True) if children else [])]
    return sum(sum(each.cpu_times()[:2]) for each in family)
