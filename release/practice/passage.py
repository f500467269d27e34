"""One month's shipments on their way into two offices' records."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from release.practice.setting import Pair, Setting
from release.practice.shipments import Shipments
from release.practice.world import Asymmetries


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What the causes of asymmetry work on, and where they count how often they struck.

    Attributes:
        setting: the world.
        pair: between whom.
        shipments: what was shipped.
        when: year and month of departure.
        rng: source of the draws.
        causes: counts of lines, and sums in US cents, by cause; filled on the way.
    """

    setting: Setting
    pair: Pair
    shipments: Shipments
    when: tuple[int, int]
    rng: np.random.Generator
    causes: Counter[str]

    @property
    def sizes(self) -> Asymmetries:
        """The sizes of the causes."""
        return self.setting.world.asymmetries
