"""What a trader's policy loss is, from the squared norm of its whitened excess. Exact.

Per-record zCDP (arXiv:2310.12827, definition 3): the loss depends on the trader's own figures by a public rule

    P(v) = rho + min(|b(v)|^2 / (2 * 4^F), K - rho)

`b` is the whitened excess, 0 for a trader that fits the uniform tier's bound; F the grid's bits; K the ceiling.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from release.privacy import GRID_BITS, presence_advantage, total, volume_interval_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLoss:
    """A trader's loss in one measure or, added up, in several.

    Attributes:
        uniform: rho, which everyone has.
        excess: what its excess adds, at most what the ceilings leave.
        ceiling: K.
        binds: whether a ceiling cuts its excess, so that a larger trader would have the same loss.
    """

    uniform: Fraction
    excess: Fraction
    ceiling: Fraction
    binds: bool

    @property
    def rho(self) -> Fraction:
        """P(v)."""
        return self.uniform + self.excess

    @property
    def alike(self) -> bool:
        """Whether the trader has the protection that everyone has."""
        return self.excess == 0

    @property
    def presence(self) -> float:
        """How much better than chance the trader's presence can be told, from 0 to 1."""
        return presence_advantage(self.rho)

    def __add__(self, other: "PolicyLoss") -> "PolicyLoss":
        return PolicyLoss(
            uniform=self.uniform + other.uniform,
            excess=self.excess + other.excess,
            ceiling=self.ceiling + other.ceiling,
            binds=self.binds or other.binds,
        )


def policy_loss(rho: Fraction, ceiling: Fraction | None, square: int) -> PolicyLoss:
    """Return P(v) of one measure; `square` is |b|^2 in grid steps, and 0 where there is no such tier (no ceiling)."""
    if ceiling is None:
        return PolicyLoss(uniform=rho, excess=Fraction(0), ceiling=rho, binds=False)
    asked = Fraction(square, 2 * 4**GRID_BITS)
    return PolicyLoss(uniform=rho, excess=min(asked, ceiling - rho), ceiling=ceiling, binds=asked > ceiling - rho)


def added(losses: tuple[PolicyLoss, ...]) -> PolicyLoss:
    """Return the loss over several measures or releases: rho adds."""
    return PolicyLoss(
        uniform=total(loss.uniform for loss in losses),
        excess=total(loss.excess for loss in losses),
        ceiling=total(loss.ceiling for loss in losses),
        binds=any(loss.binds for loss in losses),
    )


def interval_percent(loss: PolicyLoss, information: float) -> float:
    """Return p: about how narrowly, in per cent, the trader's volume can be known to someone who knows all the rest.

    For a trader that fits it is the bound that everyone has. Above the bound the loss alone doesn't give it: scaling
    the volume moves the excess by |A2 v|, which is more than |b| = |A2 (v - clipped v)|. So the smaller of 196 /
    sqrt(2 P) and 196 / sqrt(information) is told; `information` is the squared relative change of the integers for a
    relative change of the volume (Fisher's information of ln s, in Gaussian noise).
    """
    by_loss = volume_interval_percent(loss.rho)
    if loss.alike or information <= 0:
        return by_loss
    return min(by_loss, 196.0 / math.sqrt(information))
