"""The CPU seconds of groups of processes that may have started one another."""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Final

import psutil

CLIENT: Final = "client"


def cpu_by_group(groups: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """CPU seconds spent so far, by group, of the processes named and of all that they have
    started, but for those that another group names. A group of which nothing lives is left out.

    Of servers the time of children that have ended counts too, where the system tells it (Linux
    does): PostgreSQL has a process per connection. Of the client it does not, since it may have
    started the servers and reaped one of them.
    """
    named = {pid: name for name, pids in groups.items() for pid in pids}
    if not named:
        return {}
    alive, children = _all()
    spent: dict[str, float] = {}
    for pid, name in named.items():
        for each in _family(pid, named, children):
            with contextlib.suppress(psutil.Error, KeyError):
                times = alive[each].cpu_times()
                ended = 0.0
                if name != CLIENT:
                    ended = times.children_user + times.children_system
                spent[name] = spent.get(name, 0.0) + times.user + times.system + ended
    return {name: round(seconds, 3) for name, seconds in spent.items()}


def _all() -> tuple[dict[int, psutil.Process], dict[int, list[int]]]:
    """All processes of this machine by pid, and the pids of each one's children: one look at the
    table for all groups, since psutil looks through all of it for the children of one."""
    alive: dict[int, psutil.Process] = {}
    children: dict[int, list[int]] = {}
    for each in psutil.process_iter(["ppid"]):
        alive[each.pid] = each
        children.setdefault(each.info["ppid"], []).append(each.pid)
    return alive, children


def _family(pid: int, named: Mapping[int, str], children: Mapping[int, list[int]]) -> list[int]:
    """A process and its descendants, but for branches that are named themselves."""
    found = [pid]
    for each in found:
        found += [child for child in children.get(each, ()) if child not in named]
    return found
