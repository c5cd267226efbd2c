"""Personas: the crowd is the seed's, and its shares are those that are written down."""

from collections import Counter

from usher.rehearsal.crowd import crowd_of
from usher.rehearsal.model import CrowdOptions
from usher.rehearsal.persona import (
    BUYING,
    SHARES,
    Course,
    Persona,
    dice,
    persona,
    seats_wanted,
)

FANS = 4_000


def fan(**given: object) -> Persona:
    usual: dict[str, object] = {
        "number": 1,
        "comes": "lobby",
        "arrives": 0.5,
        "streams": False,
        "course": Course.BUYS,
        "quantity": 2,
        "named": False,
        "together": True,
        "hasty": False,
        "fancy": 0.0,
    }
    return Persona(**(usual | given))  # type: ignore[arg-type]


def test_the_same_seed_is_the_same_crowd() -> None:
    assert crowd_of(CrowdOptions(fans=50, seed=7)) == crowd_of(CrowdOptions(fans=50, seed=7))


def test_another_seed_is_another_crowd() -> None:
    assert crowd_of(CrowdOptions(fans=50, seed=7)) != crowd_of(CrowdOptions(fans=50, seed=8))


def test_a_fan_is_the_same_in_a_larger_crowd() -> None:
    small, large = crowd_of(CrowdOptions(fans=10)), crowd_of(CrowdOptions(fans=30))
    assert large[:10] == small


def test_every_course_is_taken_by_about_its_share() -> None:
    courses = Counter(each.course for each in crowd_of(CrowdOptions(fans=FANS)))
    for course, share in SHARES.items():
        assert abs(courses[course] / FANS - share) < 0.02, course


def test_the_lobby_and_the_streams_get_their_shares() -> None:
    crowd = crowd_of(CrowdOptions(fans=FANS, lobby_share=0.7, stream_share=0.1))
    assert abs(sum(each.comes == "lobby" for each in crowd) / FANS - 0.7) < 0.03
    assert abs(sum(each.streams for each in crowd) / FANS - 0.1) < 0.03


def test_a_share_of_one_is_everybody_and_of_zero_nobody() -> None:
    crowd = crowd_of(CrowdOptions(fans=200, lobby_share=1.0, stream_share=0.0))
    assert all(each.comes == "lobby" and not each.streams for each in crowd)


def test_a_fan_wants_one_to_four_seats() -> None:
    wanted = {each.quantity for each in crowd_of(CrowdOptions(fans=500))}
    assert wanted == {1, 2, 3, 4}


def test_only_those_who_mean_to_buy_count_as_wanting_seats() -> None:
    crowd = [fan(course=course, quantity=3) for course in Course]
    assert seats_wanted(crowd) == 3 * len(BUYING)


def test_fancy_orders_the_categories() -> None:
    names = ["VVIP", "VIP", "Normal"]
    assert fan(fancy=0.0).order(names) == names
    assert fan(fancy=1.0).order(names) == names[::-1]
    shuffled = fan(fancy=0.37).order(names)
    assert sorted(shuffled) == sorted(names)
    assert fan(fancy=0.37).order(names) == shuffled


def test_dice_do_not_depend_on_each_other() -> None:
    first = dice(1, 5).random()
    dice(1, 4).random()
    assert dice(1, 5).random() == first
    assert persona(5, dice(1, 5), lobby_share=0.5, stream_share=0.5).number == 5


def test_an_email_is_one_that_never_receives_mail() -> None:
    assert fan(number=9).email == "fan-9@example.invalid"
