"""How long fans of a rehearsal are given."""

import msgspec


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """The longest windows of a shadow's sale, in seconds; its source's are kept where shorter."""

    claim_s: int
    shop_s: int
    hold_s: int
    payment_s: int
