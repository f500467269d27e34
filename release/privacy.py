"""The arithmetic of privacy loss: exact amounts, sensitivities, and what a loss means to a trader.

A loss is rho of zero-concentrated differential privacy (Bun and Steinke 2016, arXiv:1605.02065) as an exact
`Fraction` parsed from text. Rho adds; epsilon never does. Roundings are against ourselves: a sensitivity is
rounded down (less signal), a statement about what a trader is exposed to is rounded up.

Epsilon of the guarantee is computed by OpenDP in `release.accounting`, not here.
"""

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from math import isqrt

from release.errors import InvalidAmountError

GRID_BITS = 24
"""The whitened grid has 2^24 steps in one noise standard deviation."""

RHO_CAP = Fraction(1000)
"""No loss above this is accepted anywhere; far beyond it nothing is protected (600 already protects nobody)."""

POLICY_RHO_CAP = Fraction(10**7)
"""The highest ceiling of a large-trader policy: such a loss is no protection, and every output says so."""

RHO_FLOOR = Fraction(1, 10**6)
"""Below this the integer grid would carry no signal."""

DELTA_CAP = Fraction(1, 10**4)
DELTA_FLOOR = Fraction(1, 10**15)

_DECIMAL = re.compile(r"([0-9]{1,30})(?:\.([0-9]{1,30}))?(?:[eE]([+-]?[0-9]{1,2}))?", re.ASCII)
_RATIO = re.compile(r"([0-9]{1,30})/([0-9]{1,30})", re.ASCII)


def parse_amount(text: object, *, low: Fraction, high: Fraction) -> Fraction:
    """Return the exact amount that `text` states, such as `"1/2"`, `"0.5"` or `"1e-8"`.

    Only text is taken: a binary float isn't the number that its author wrote, and a boolean isn't a number.

    Raises:
        InvalidAmountError: not text, not a plain number in ASCII digits, or outside `low` to `high` (both allowed).
    """
    if not isinstance(text, str):
        raise InvalidAmountError(text, 'amounts are written as text in quotation marks, such as "0.5" or "1/2"')
    amount = _parse_ratio(text) if "/" in text else _parse_decimal(text)
    if not low <= amount <= high:
        raise InvalidAmountError(text, f"it must lie from {amount_text(low)} to {amount_text(high)}")
    return amount


def _parse_ratio(text: str) -> Fraction:
    match = _RATIO.fullmatch(text)
    if match is None or int(match[2]) == 0:
        raise InvalidAmountError(text, 'a ratio is written as "1/2"')
    return Fraction(int(match[1]), int(match[2]))


def _parse_decimal(text: str) -> Fraction:
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise InvalidAmountError(text, 'a number is written in plain digits, such as "0.5" or "1e-8"')
    decimals = match[2] or ""
    mantissa = Fraction(int(match[1] + decimals), 10 ** len(decimals))
    exponent = int(match[3] or 0)
    return mantissa * Fraction(10) ** exponent


def parse_rho(text: object, *, high: Fraction = RHO_CAP) -> Fraction:
    """Return the loss rho that `text` states, within the program's caps."""
    return parse_amount(text, low=RHO_FLOOR, high=high)


def parse_delta(text: object) -> Fraction:
    """Return the delta that `text` states, within the program's caps."""
    return parse_amount(text, low=DELTA_FLOOR, high=DELTA_CAP)


def amount_text(amount: Fraction) -> str:
    """Return `amount` as text that parses back to it: a decimal where it ends within 30 places, else a ratio."""
    denominator = amount.denominator
    twos = (denominator & -denominator).bit_length() - 1
    odd = denominator >> twos
    fives = 0
    while odd % 5 == 0:
        odd //= 5
        fives += 1
    places = max(twos, fives)
    if odd != 1 or places > 30:  # noqa: PLR2004 - the parser reads thirty places
        return f"{amount.numerator}/{amount.denominator}"
    digits = str(amount.numerator * 10**places // denominator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}".rstrip("0").rstrip(".") if places else digits


def sensitivity(rho: Fraction, *, grid_bits: int = GRID_BITS) -> int:
    """Return D, the integer L2 bound that a trader's whitened vector keeps: isqrt(floor(2 rho 4^F)).

    The discrete Gaussian of scale 2^F on a vector of L2 sensitivity D is (D / 2^F)^2 / 2 <= rho zCDP
    (Canonne, Kamath and Steinke 2020, arXiv:2004.00010, theorem 4). Rounded down.
    """
    return isqrt(math.floor(2 * rho * 4**grid_bits))


def total(losses: Iterable[Fraction]) -> Fraction:
    """Return the composed loss: rho adds, exactly (Bun and Steinke 2016, lemma 1.7)."""
    return sum(losses, Fraction(0))


def volume_interval_percent(rho: Fraction) -> float:
    """Return p: no 95 % interval of a fitting trader's volume is narrower than +-p per cent; above 100, no bound.

    p = 196 / sqrt(2 rho), for an adversary who knows every other declaration and the mix of this trader's.
    """
    return 196.0 / math.sqrt(2 * rho)


def presence_advantage(rho: Fraction) -> float:
    """Return how much better than chance anyone can tell a trader's presence: 2 Phi(sqrt(rho / 2)) - 1."""
    return math.erf(math.sqrt(rho) / 2)


def joint_loss_of_one_line(rho_a: Fraction, rho_b: Fraction) -> Fraction:
    """Return the loss about one declaration line that stands in two offices' records: rho_A + rho_B."""
    return rho_a + rho_b


def joint_loss_of_several_lines(rho_a: Fraction, rho_b: Fraction) -> Fraction:
    """Return the loss about several lines that stand in two offices' records, changed together: 2 (rho_A + rho_B)."""
    return 2 * (rho_a + rho_b)
