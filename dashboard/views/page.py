"""What every page is given, and the states that pages share: nothing published, one office only, things refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import markup, names
from dashboard.choices import choice
from dashboard.mirrored import PAIRS, periods_of
from dashboard.reading import Scene, mirrors_of
from dashboard.sources import Published
from dashboard.synthetic import banner
from release.mirror.comparison import Agreement, MirrorCell
from release.mirror.looks import Look
from release.wording import count


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Page:
    """What is shown: everything published, the agreement with the chosen band, the scene, Streamlit's pages by name."""

    published: Published
    agreement: Agreement
    scene: Scene
    pages: Mapping[str, Any] = field(default_factory=dict)

    @property
    def band(self) -> str:
        """How one came by the band: `agreed` in a comparison's file, `chosen` by the reader, or else `assumed`."""
        agreed = self.scene.agreed.agreement
        if (self.agreement.tolerance, self.agreement.cif_fob) != (agreed.tolerance, agreed.cif_fob):
            return "chosen"
        return "agreed" if self.scene.name else "assumed"

    def mirrors(self, level: str = PAIRS, period: str | None = None) -> tuple[MirrorCell, ...]:
        """Return the mirrors of one level, in one period or all."""
        return mirrors_of(self.published, level, period, self.agreement, self.scene).cells

    def looks(self) -> tuple[Look, ...]:
        """Return the years to date of the pairs that publish months."""
        return mirrors_of(self.published, PAIRS, None, self.agreement, self.scene).looks

    def notes(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """Return for each pair what could not be aligned, or had to be."""
        return mirrors_of(self.published, PAIRS, None, self.agreement, self.scene).notes


def heading(title: str, page: Page) -> None:
    """Write a page's title, that records are invented where they are, and that something was refused where it was."""
    st.title(title, anchor=False)
    invented = banner(page.published.bundles)
    if invented is not None:
        st.html(markup.paragraph(invented, "note"))
    refused = len(page.published.refused)
    if refused:
        noun = "thing that was found is" if refused == 1 else "things that were found are"
        listed = ", ".join(dict.fromkeys("/".join(Path(one.place).parts[-2:]) for one in page.published.refused[:5]))
        st.html(
            markup.paragraph(
                f"{count(refused)} {noun} refused, and not used here: {listed}. Flows that need them are missing"
                " from what follows. The page Releases says why.",
                "note",
            )
        )


def has_bundles(page: Page) -> bool:
    """Return whether there is anything to show; where there isn't, say what to do."""
    if page.published.bundles:
        return True
    if page.published.refused:
        st.html(markup.paragraph("Nothing that was found can be used: all of it is refused.", "lead"))
        st.html(markup.paragraph("The page Releases lists it, with the reasons and what to do."))
        return False
    st.html(markup.paragraph("No published bundle was found, so there is nothing to show yet.", "lead"))
    looked = ", ".join(str(path) for path in page.scene.locations) or "nowhere: no location was given"
    st.html(markup.paragraph(f"Looked in: {looked}."))
    st.html(
        markup.bullets(
            [
                "Start the dashboard with folders that hold bundles: mirrors dashboard published",
                "Or make practice bundles first: mirrors demo --out demo, then mirrors dashboard demo/agreed.toml",
                "A bundle that appears in these folders is shown when the page is loaded again.",
            ]
        )
    )
    return False


def can_compare(page: Page) -> bool:
    """Return whether there are two offices to compare; where there aren't, say so."""
    if not has_bundles(page):
        return False
    if len(page.published.offices) > 1:
        return True
    only = names.office(page.published.offices[0])
    st.html(markup.paragraph(f"Only {only} has published. A mirror needs the bundles of two offices.", "lead"))
    st.html(markup.paragraph("The pages Explorer, Budget and Releases show what there is."))
    return False


def period_chosen(page: Page) -> str:
    """Return the period chosen in the side bar, the newest at first; it stands in the address as `period`."""
    known = periods_of(page.published.bundles, page.agreement)
    with st.sidebar:
        return choice("Period", known, "period", proposal=known[-1])


def product_chosen(codes: Sequence[str]) -> str:
    """Return the product chosen in the side bar, all products at first; it stands in the address as `product`."""
    with st.sidebar:
        return choice("Product", ("TOTAL", *codes), "product", proposal="TOTAL", words=names.product_with_code)
