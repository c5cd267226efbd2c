"""seat/best against a plain reference, on halls nobody would have thought of."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lua.best_reference import best
from tests.lua.hall import Hall
from usher.seat.scripts import Few, Held
from usher.venue.model import Segment

# Every example takes an event of its own, and a busy machine is no fault of the script.
SUPPRESSED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@st.composite
def _segments(draw: st.DrawFn) -> list[Segment]:
    segments: list[Segment] = []
    first = 0
    for length in draw(st.lists(st.integers(1, 9), min_size=1, max_size=5)):
        is_area = draw(st.sampled_from([False, False, False, True]))
        focus = 0 if is_area else draw(st.integers(0, length - 1))
        segments.append(Segment(first, length, is_area, False, focus))
        first += length
    return segments


@st.composite
def _halls(draw: st.DrawFn) -> tuple[str, list[Segment]]:
    segments = draw(_segments())
    total = segments[-1].first + segments[-1].length
    states = draw(st.text("...xs", min_size=total, max_size=total))
    return states, segments


@pytest.mark.anyio
@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=SUPPRESSED,
    print_blob=True,
    database=None,
)
@given(
    made=_halls(),
    want=st.integers(1, 7),
    apart=st.booleans(),
    other_first=st.integers(0, 3),
    cut=st.integers(0, 2),
    stretch=st.integers(1, 30),
)
async def test_the_script_gives_what_the_reference_gives(
    nowhere: Hall,
    made: tuple[str, list[Segment]],
    want: int,
    apart: bool,
    other_first: int,
    cut: int,
    stretch: int,
) -> None:
    states, segments = made
    # The category stands behind another one; its last seats may not be assigned.
    shifted = [Segment(s.first + other_first, *_rest(s)) for s in segments]
    auto = len(states) - min(cut, len(states))
    hall = nowhere.elsewhere()
    await hall.build("." * other_first + states, *shifted, stretch=stretch)
    await hall.set(seats_max=20)
    await hall.admit("plc_a")
    before = await hall.states()
    reply = await hall.seat.best(
        hall.event, "hld_1", "plc_a", "d", 0, other_first, auto, want, int(apart)
    )
    expected = best(states[:auto], segments, want, apart)
    if before.strip("sx") == "":
        return  # sold out before it began
    if isinstance(expected, int):
        assert reply == Few(expected)
        assert await hall.states() == before
    else:
        assert isinstance(reply, Held)
        assert [seat - other_first for seat in reply.seats] == expected
        assert all(before[seat] == "." for seat in reply.seats)
    await hall.check()


def _rest(segment: Segment) -> tuple[int, bool, bool, int]:
    return segment.length, segment.area, segment.accessible, segment.focus
