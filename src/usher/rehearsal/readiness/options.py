"""What a rehearsal is asked to do, with impossible wishes refused by name."""

from typing import Final

import msgspec

from usher.errors import BadInput
from usher.rehearsal.model import (
    ARRIVALS_PER_S,
    CLAIM_S,
    FANS_MAX,
    HOLD_S,
    PAYMENT_S,
    SHOP_S,
    STORM_FANS_PER_S,
    STORM_S_MOST,
    CrowdOptions,
)
from usher.rehearsal.shadow.model import Windows
from usher.sale.model import Sale

FANS_DEFAULT: Final = 1_000
FOR_S_DEFAULT: Final = 180.0
FOR_S_MAX: Final = 3_600.0
LISTEN_S_DEFAULT: Final = 35.0  # an idle stream has beaten twice
LISTEN_S_MAX: Final = 600.0
EXPECTED_MAX: Final = 100_000_000
_LOBBY_SHARE: Final = 0.8


class RehearsalOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal: `fans` are sent within `for_s` seconds, `expect` are who will come to the sale
    itself (as many, where 0), one idle stream is listened to for `listen_s`."""

    event: str
    fans: int = FANS_DEFAULT
    expect: int = 0
    url: str = ""
    for_s: float = FOR_S_DEFAULT
    listen_s: float = LISTEN_S_DEFAULT
    seed: int = 1
    checks_only: bool = False
    during_sale: bool = False

    @property
    def expected(self) -> int:
        return self.expect or self.fans

    def crowd(self, mode: str) -> CrowdOptions:
        """The crowd, as it comes to a sale of that mode."""
        lobby_share = _LOBBY_SHARE if mode == "queued" else 1.0
        return CrowdOptions(
            fans=self.fans,
            seed=self.seed,
            lobby_share=lobby_share,
            arrive_s=max(2.0, self.fans * lobby_share / ARRIVALS_PER_S),
            rush_s=max(2.0, self.fans * (1 - lobby_share) / ARRIVALS_PER_S),
            deadline_s=self.for_s,
        )


def check(options: RehearsalOptions) -> None:
    """BadInput naming every option that cannot be."""
    wrong = [
        f"{option} must be {least:,} to {most:,}, not {value:,}"
        for option, value, least, most in (
            ("--fans", options.fans, 1, FANS_MAX),
            ("--expect", options.expect, 0, EXPECTED_MAX),
            ("--for", options.for_s, 1, FOR_S_MAX),
            ("--listen", options.listen_s, 0, LISTEN_S_MAX),
        )
        if not least <= value <= most
    ]
    if options.url and not options.url.startswith(("http://", "https://")):
        wrong.append("--url must start with http:// or https://")
    if wrong:
        raise BadInput("; ".join(wrong))


def windows(fans: int) -> Windows:
    """Short windows, as a demo has: who walks away gives seats back while the crowd is there."""
    more_s = min(STORM_S_MOST, fans // STORM_FANS_PER_S)
    return Windows(
        claim_s=CLAIM_S + more_s,
        shop_s=SHOP_S + more_s,
        hold_s=HOLD_S + more_s,
        payment_s=PAYMENT_S + more_s,
    )


def gate_s(sale: Sale, fans: int) -> float:
    """Seconds that a gate needs to call so many fans, at its rate alone."""
    return fans * 60 / sale.rate_per_min if sale.mode == "queued" else 0.0
