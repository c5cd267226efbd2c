"""Settings of payments: what is incomplete is said at once, and no secret with it."""

import pytest

from usher.errors import SetupError
from usher.settings import read_settings

KEY = "sk_test_0123456789abcdef"
SECRET = "whsec_0123456789abcdef"
STRIPE = {
    "USHER_PAYMENTS": "stripe",
    "USHER_STRIPE_KEY": KEY,
    "USHER_STRIPE_WEBHOOK_SECRET": SECRET,
}


def test_the_sandbox_is_what_there_is_unless_said_otherwise() -> None:
    settings = read_settings({})
    assert (settings.providers, settings.payment_pages) == (("sandbox",), ())


@pytest.mark.parametrize(
    ("payments", "providers"),
    [
        ("sandbox", ("sandbox",)),
        ("stripe", ("stripe",)),
        ("stripe,sandbox", ("stripe", "sandbox")),
        (" sandbox , stripe ", ("sandbox", "stripe")),
    ],
    ids=["sandbox", "stripe", "stripe first", "sandbox first"],
)
def test_the_first_provider_is_the_one_of_new_payments(
    payments: str, providers: tuple[str, ...]
) -> None:
    assert read_settings(STRIPE | {"USHER_PAYMENTS": payments}).providers == providers


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"USHER_PAYMENTS": "paypal"}, "USHER_PAYMENTS"),
        ({"USHER_PAYMENTS": "stripe,"}, "USHER_PAYMENTS"),
        ({"USHER_PAYMENTS": "stripe,stripe"}, "USHER_PAYMENTS"),
        ({"USHER_STRIPE_KEY": ""}, "USHER_STRIPE_KEY"),
        ({"USHER_STRIPE_KEY": "pk_test_0123456789abcdef"}, "USHER_STRIPE_KEY"),
        ({"USHER_STRIPE_KEY": f"{KEY}\n{KEY}"}, "USHER_STRIPE_KEY"),
        ({"USHER_STRIPE_WEBHOOK_SECRET": ""}, "USHER_STRIPE_WEBHOOK_SECRET"),
        ({"USHER_STRIPE_WEBHOOK_SECRET": KEY}, "USHER_STRIPE_WEBHOOK_SECRET"),
        ({"USHER_STRIPE_API": "api.stripe.com"}, "USHER_STRIPE_API"),
        ({"USHER_STRIPE_CHECKOUT": "pay.example.org"}, "USHER_STRIPE_CHECKOUT"),
    ],
    ids=[
        "unknown provider",
        "comma too many",
        "twice",
        "no key",
        "publishable key",
        "two lines",
        "no webhook secret",
        "key as webhook secret",
        "api without scheme",
        "checkout without scheme",
    ],
)
def test_what_is_incomplete(change: dict[str, str], variable: str) -> None:
    with pytest.raises(SetupError) as refusal:
        read_settings(STRIPE | change)
    assert variable in refusal.value.detail
    assert "0123456789" not in refusal.value.detail


@pytest.mark.parametrize(
    ("change", "pages"),
    [
        ({}, ("https://checkout.stripe.com",)),
        ({"USHER_STRIPE_API": "http://127.0.0.1:9/x"}, ("http://127.0.0.1:9",)),
        ({"USHER_STRIPE_CHECKOUT": "https://pay.example.org/"}, ("https://pay.example.org",)),
        ({"USHER_PAYMENTS": "sandbox"}, ()),
    ],
    ids=["stripe's", "a stand-in's", "a name of one's own", "none"],
)
def test_where_a_form_may_lead(change: dict[str, str], pages: tuple[str, ...]) -> None:
    assert read_settings(STRIPE | change).payment_pages == pages


def test_settings_can_be_shown() -> None:
    """In a traceback, say."""
    shown = repr(read_settings(STRIPE | {"USHER_SECRETS": "k1:00ff00ff"}))
    for secret in (KEY, SECRET, "00ff00ff"):
        assert secret not in shown
    assert "sandbox" not in shown
    assert "stripe" in shown
