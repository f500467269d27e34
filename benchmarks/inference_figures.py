"""The figures of the simulation of mirror tests, and the table that they are printed in."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was seen of one claim at one noise level, and what was asked of it."""

    claim: str
    noise: float
    seen: float
    least: float = 0.0
    most: float

    @property
    def kept(self) -> bool:
        """Whether the figure lies where it should."""
        return self.least <= self.seen <= self.most


def table(figures: tuple[Figure, ...], noises: Sequence[float]) -> str:
    """The figures as a Markdown table: a line a claim, a column a noise level, broken figures in bold."""
    asked = {figure.claim: (figure.least, figure.most) for figure in figures}
    seen = {(figure.claim, figure.noise): figure for figure in figures}
    head = ["claim", "asked", *(f"{noise:.0%}" for noise in noises)]
    rows = [
        [claim, _asked(*limits), *(_cell(seen.get((claim, noise))) for noise in noises)]
        for claim, limits in asked.items()
    ]
    ruled = [head, ["---"] * 2 + ["---:"] * len(noises), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def _asked(least: float, most: float) -> str:
    if (least, most) == (0.0, 1.0):
        return ""
    if least == 0.0:
        return f"<= {most:g}"
    return f">= {least:g}" if most == 1.0 else f"{least:g} to {most:g}"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return f"{figure.seen:.4f}" if figure.kept else f"**{figure.seen:.4f}**"
