"""How many digits the minor unit of a currency has, by ISO 4217 (list one).

Our own table and not a library's: amounts are kept as whole minor units, so whoever moves a
currency's point makes a hundredth, or a hundred times, of every amount that was ever written. CLDR,
which Babel has it from, follows what people write, and has moved some (the forint and the dinar of
Serbia between two releases).
"""

from decimal import Decimal
from typing import Final

_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
# Where they are not two.
MINOR_DIGITS: Final = {
    code: digits for digits, codes in _DIGITS.items() for code in codes.split(" ")
}


def minor_digits(currency: str) -> int:
    """Digits behind the point of an amount in `currency`, a code of ISO 4217: 2 for EUR."""
    return MINOR_DIGITS.get(currency, 2)


def plain_money(amount: int, currency: str) -> str:
    """Minor units as they are typed and listed: 45.00."""
    digits = minor_digits(currency)
    return f"{Decimal(amount).scaleb(-digits):.{digits}f}"
