"""The public figures a release leans on: a prior, which shapes its noise, and how concentrated trade is assumed."""

from fractions import Fraction
from itertools import pairwise
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from release.config.fields import STRICT, Date, Factor, InnerPath, Part, Period, Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Prior:
    """An earlier public figure for each cell, which shapes the noise.

    Attributes:
        bundle: a bundle in the place of publication, as `KOR/2020`; or
        table: a CSV or Parquet file inside the config's folder, with the columns
            `flow, period, partner, product, level, measure, value`; or a Comtrade Plus download; or SDMX-CSV 2.0 or
            SDMX-ML of trade in goods, as bundles hold it.
        publisher: who published it.
        period: what it refers to.
        published: when it was published.
        growth: factor from the prior's figure to this release's period, such as `"0.25"` from a year to a quarter.
    """

    publisher: Text
    period: Period
    published: Date
    bundle: InnerPath | None = None
    table: InnerPath | None = None
    growth: Factor = Fraction(1)

    def __post_init__(self) -> None:
        if (self.bundle is None) == (self.table is None):
            raise ValueError("give exactly one of bundle, table")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class TopShare:
    """A published share: what part of all trade the largest `top` traders hold."""

    top: Annotated[int, Field(ge=2, le=10**6)]
    share: Part


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Assumption:
    """A public assumption on how concentrated trade is, from which `mirrors plan` predicts what clipping takes.

    It changes a prediction and no figure. It must come from published statistics, never from the records.

    Attributes:
        traders: how many traders there are in a year.
        top: how many of the largest traders `top_share` is about.
        top_share: their part of all trade.
        further: the same of more traders, such as of the largest 20, 100 and 1,000, as far as it is published. Without
            it sizes are taken to fall as one power of the rank, which understates how much middling traders hold where
            they don't.
        partners: over how many partners, counted for each flow, the value of the largest traders is spread: one over
            the sum of squared shares. Smaller traders have fewer.
        chapters: over how many chapters with each of them.
        main_flow: which part of their trade lies in their main flow, imports or exports, where both are released.
        narrowing: how fast partners and chapters fall, as far as they exceed one: as a trader's rank to the power of
            minus this, among the largest too.
        prior_error: how far a large cell usually lies from its prior: the standard deviation of ln(prior / figure).
        source: where the figures come from, in words.
    """

    traders: Annotated[int, Field(ge=10, le=10**8)] = 20_000
    top: Annotated[int, Field(ge=1, le=1000)] = 5
    top_share: Part = Fraction(1, 5)
    further: Annotated[tuple[TopShare, ...], Field(max_length=12)] = ()
    partners: Part = Fraction(5)
    chapters: Part = Fraction(3)
    main_flow: Part = Fraction(4, 5)
    narrowing: Part = Fraction(3, 10)
    prior_error: Part = Fraction(3, 10)
    source: Text = "the program's own defaults: no published statistic was named"

    def __post_init__(self) -> None:
        if not self.top < self.traders or not Fraction(self.top, self.traders) < self.top_share < Fraction(19, 20):
            raise ValueError("the top traders hold more than their number's part of trade, and less than 95 %")
        known = [(self.top, self.top_share), *((one.top, one.share) for one in self.further)]
        known.append((self.traders, Fraction(1)))
        each = [(more - held) / (beyond - top) for (top, held), (beyond, more) in pairwise(known) if beyond > top]
        falling = all(small <= large for large, small in pairwise([self.top_share / self.top, *each]))
        if len(each) < len(known) - 1 or not falling or min(each) <= 0:
            raise ValueError("further shares are of ever more traders who hold ever less by head, not all of trade")
        if self.partners < 1 or self.chapters < 1:
            raise ValueError("a trader has at least one partner and one chapter")
        if not Fraction(1, 2) <= self.main_flow <= 1:
            raise ValueError("the main flow holds from half to all of a trader's trade")
