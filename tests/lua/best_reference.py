"""Best available as one would say it: windows of every row, in order, and nothing clever."""

from usher.venue.model import Segment


def best(states: str, segments: list[Segment], want: int, apart: bool) -> list[int] | int:
    """The seats to hold, or the largest number that could be had instead.

    `segments` stand best first. `states` is cut where seats may no longer be assigned.
    """
    orphaning: list[int] = []
    for segment in segments:
        windows = _free_windows(states, segment, want)
        if segment.area:
            if windows:
                return windows[0]
            continue
        clean = [window for window in windows if not _leaves_an_orphan(states, segment, window)]
        if clean:
            return _nearest(clean, segment)
        if windows and not orphaning:
            orphaning = _nearest(windows, segment)
    if orphaning:
        return orphaning
    loose = [
        index
        for segment in segments
        if apart or segment.area
        for index in _seats(states, segment)
        if states[index] == "."
    ]
    if len(loose) >= want:
        return loose[:want]
    together = [n for n in range(1, want) if any(_free_windows(states, s, n) for s in segments)]
    return max([len(loose), *together])


def _seats(states: str, segment: Segment) -> range:
    return range(segment.first, min(segment.first + segment.length, len(states)))


def _free_windows(states: str, segment: Segment, want: int) -> list[list[int]]:
    seats = _seats(states, segment)
    windows = (list(seats[at : at + want]) for at in range(len(seats) - want + 1))
    return [window for window in windows if all(states[index] == "." for index in window)]


def _leaves_an_orphan(states: str, segment: Segment, window: list[int]) -> bool:
    """Whether a single free seat would stand between this party and others, or an aisle."""
    seats = _seats(states, segment)

    def free(index: int) -> bool:
        return index in seats and states[index] == "."

    before, after = window[0] - 1, window[-1] + 1
    return (free(before) and not free(before - 1)) or (free(after) and not free(after + 1))


def _nearest(windows: list[list[int]], segment: Segment) -> list[int]:
    """The window whose middle is nearest to the focus; the first of two as near."""
    focus = segment.first + segment.focus
    return min(windows, key=lambda window: abs((window[0] + window[-1]) / 2 - focus))
