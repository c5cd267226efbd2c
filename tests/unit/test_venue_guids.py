"""Repair of seat guids: unique, stable, and never a guid that stands elsewhere."""

from hypothesis import given
from hypothesis import strategies as st

from usher import limits
from usher.venue.guids import AreaGuids, Claim, Repair, repair_guids


def claim(guid: str, number: str = "1", where: str = "here", row: str = "A") -> Claim:
    return Claim(where, guid, "Stalls", row, number)


# few letters, so that repaired guids meet originals
words = st.text("a~-12", max_size=4)
claims = st.lists(
    st.builds(
        Claim,
        where=st.just("w"),
        guid=st.one_of(words, st.sampled_from(["a~a-1-2", "a~a-1-2~2", "a-1-2", "a-1-2~2"])),
        zone=st.sampled_from(["a", ""]),
        row=st.sampled_from(["1", "a"]),
        number=st.sampled_from(["1", "2"]),
    ),
    max_size=30,
)


@given(claims)
def test_every_seat_gets_its_own_guid_and_the_first_keeps_its(given_claims: list[Claim]) -> None:
    guids, repairs = repair_guids(given_claims)
    assert len(guids) == len(given_claims)
    assert len(set(guids)) == len(guids)
    assert all(guid.strip() for guid in guids)
    seen: set[str] = set()
    changed = []
    for each, guid in zip(given_claims, guids, strict=True):
        if each.guid and each.guid not in seen:
            assert guid == each.guid
        else:
            assert guid not in {other.guid for other in given_claims}
            changed.append(Repair(each.where, each.guid, guid))
        seen.add(each.guid)
    assert repairs == changed


@given(claims)
def test_repairing_is_repeatable_and_done_once(given_claims: list[Claim]) -> None:
    guids, repairs = repair_guids(given_claims)
    assert repair_guids(list(given_claims)) == (guids, repairs)
    repaired = [each._replace(guid=new) for each, new in zip(given_claims, guids, strict=True)]
    assert repair_guids(repaired) == (guids, [])


def test_a_repaired_guid_says_where_the_seat_is() -> None:
    given_claims = [claim("x"), claim("x", "7", where="there"), claim("", "8"), claim(" ", "9")]
    guids, repairs = repair_guids(given_claims)
    assert guids == ["x", "x~Stalls-A-7", "Stalls-A-8", "Stalls-A-9"]
    assert repairs[0] == Repair("there", "x", "x~Stalls-A-7")


def test_ordinals_part_seats_of_one_label_and_pass_by_originals() -> None:
    given_claims = [claim("x"), claim("x"), claim("x"), claim("x~Stalls-A-1~2"), claim("x")]
    guids, _ = repair_guids(given_claims)
    assert guids == [
        "x",
        "x~Stalls-A-1",
        "x~Stalls-A-1~3",
        "x~Stalls-A-1~2",
        "x~Stalls-A-1~4",
    ]


def test_long_labels_are_cut_and_still_told_apart() -> None:
    given_claims = [claim("x"), *(claim("x", row="R" * 200 + str(n)) for n in range(3))]
    guids, _ = repair_guids(given_claims)
    assert len(set(guids)) == 4
    assert all(len(guid) <= limits.guid_chars_max for guid in guids)
    assert all(guid.startswith("x~Stalls-RRR") for guid in guids[1:])
    # told apart by what was cut off, not by who came first
    backwards, _ = repair_guids([given_claims[0], *given_claims[:0:-1]])
    assert backwards[1:] == guids[:0:-1]


def test_a_hall_of_one_guid_is_repaired_without_a_search_per_seat() -> None:
    # a search from ~2 for each would be 3 * 10^9 steps: this test would not come back
    guids, repairs = repair_guids([claim("x")] * limits.plan_seats_max)
    assert len(set(guids)) == limits.plan_seats_max
    assert len(repairs) == limits.plan_seats_max - 1


def test_areas_do_not_take_the_guids_of_seats_or_of_each_other() -> None:
    guids = AreaGuids(["Floor-12", "Floor~2-x", "Pit-a"])
    assert guids.take("Floor") == "Floor~2"
    assert guids.take("Floor") == "Floor~3"
    assert guids.take("Pit") == "Pit"
    assert guids.take("Pit") == "Pit~2"
