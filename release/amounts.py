"""How exact amounts are written where people read them. Stored and published amounts have `privacy.amount_text`."""

from decimal import Decimal
from fractions import Fraction

_PLACES = 10**8
_SMALL = Fraction(1, 10**6)
_DIGITS = 3


def written(amount: Fraction) -> str:
    """Return an exact amount for people: `4.8`, `19,999`, `1e-8`; a fraction, `1/3`, where no short decimal is exact.

    Short is: eight decimal places; or, below a millionth, three digits before a power of ten.
    """
    if _PLACES % amount.denominator == 0 and (amount == 0 or abs(amount) >= _SMALL):
        return f"{Decimal(amount.numerator) / Decimal(amount.denominator):,f}"
    for places in range(7, 31):
        scaled = amount * 10**places
        if scaled.denominator == 1 and 0 < scaled < 10**_DIGITS:
            digits = str(scaled.numerator)
            point = "." if len(digits) > 1 else ""
            return f"{digits[0]}{point}{digits[1:]}e-{places - len(digits) + 1}"
    return f"{amount.numerator:,}/{amount.denominator:,}"
