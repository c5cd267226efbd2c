import struct

from hypothesis import given
from hypothesis import strategies as st

from usher import limits
from usher.venue.model import SEGMENT_AREA, Segment, unpack_segments
from usher.venue.stretch import STRETCH_RECORD, STRETCH_SEATS, segment_fields


def _packed(*segments: Segment) -> bytes:
    return b"".join(segment.packed() for segment in segments)


def _rows(*lengths: int, first: int = 0) -> list[Segment]:
    rows = []
    for length in lengths:
        rows.append(Segment(first, length, False, False, 0))
        first += length
    return rows


def test_a_short_category_is_its_records_and_nothing_else() -> None:
    packed = _packed(*_rows(20, 20, 20))
    assert segment_fields(3, packed) == ["3", packed]
    assert segment_fields(3, packed, 41) == ["3", packed]
    assert segment_fields(7, b"") == ["7", b""]


def test_a_stretch_is_whole_rows() -> None:
    rows = _rows(3, 3, 3, 3, first=100)
    assert segment_fields(2, _packed(*rows), 4) == [
        "2",
        _packed(*rows),
        "2:",
        struct.pack(">IHIH", 100, 0, 106, 0),
        "2:1",
        _packed(*rows[:2]),
        "2:2",
        _packed(*rows[2:]),
    ]


def test_a_stretch_with_standing_room_says_so() -> None:
    mixed = [*_rows(3, 3), Segment(6, 3, True, False, 0), Segment(9, 3, False, True, 0)]
    index = segment_fields(0, _packed(*mixed), 6)[3]
    assert isinstance(index, bytes)
    flags = [flags for _, flags in STRETCH_RECORD.iter_unpack(index)]
    assert [flag & SEGMENT_AREA for flag in flags] == [0, SEGMENT_AREA]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(1, 200))
def test_stretches_are_the_category_in_order(lengths: list[int], seats: int) -> None:
    packed = _packed(*_rows(*lengths, first=7))
    fields = segment_fields(0, packed, seats)
    assert fields[:2] == ["0", packed]
    if len(fields) == 2:
        return
    values = dict(zip(fields[::2], fields[1::2], strict=True))
    index = values["0:"]
    assert isinstance(index, bytes)
    firsts = [first for first, _ in STRETCH_RECORD.iter_unpack(index)]
    stretches = [values[f"0:{n + 1}"] for n in range(len(firsts))]
    assert len(values) == 2 + len(stretches)
    assert b"".join(s for s in stretches if isinstance(s, bytes)) == packed
    for first, stretch in zip(firsts, stretches, strict=True):
        assert isinstance(stretch, bytes)
        rows = unpack_segments(stretch)
        assert rows[0].first == first
        assert sum(row.length for row in rows[:-1]) < seats


def test_the_largest_plan_has_few_enough_fields_for_one_call() -> None:
    # Lua unpacks 7,900 words at most; a stretch is no shorter than STRETCH_SEATS but a last one.
    most = limits.plan_seats_max // STRETCH_SEATS + limits.categories_max
    assert 2 * (most + 2 * limits.categories_max) <= 7_900
