"""The Streamlit script: what is shown on every page, and which pages there are.

Run it by `mirrors dashboard LOCATION...`, which serves it to this machine only. Each run looks at the locations anew,
reads what has changed, and hands the pages values; no page reads a file.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from dashboard import markup
from dashboard.reading import choose, published
from dashboard.settings import REGISTRY
from dashboard.views import budget, explorer, methods, overview, pair, plan, releases
from dashboard.views.page import Page

TITLE = "Noisy mirrors"

View = Callable[[Page], None]

VIEWS: tuple[tuple[str, str, View], ...] = (
    ("overview", "Overview", overview.show),
    ("pair", "Pair", pair.show),
    ("explorer", "Explorer", explorer.show),
    ("budget", "Budget", budget.show),
    ("releases", "Releases", releases.show),
    ("plan", "Plan", plan.show),
    ("methods", "Methods", methods.show),
)


def serve(locations: Sequence[Path], registry: Path | None = None) -> None:
    """Show the page that the address names, for what is published at the locations."""
    st.set_page_config(page_title=TITLE, page_icon=None, layout="wide")
    st.html(markup.STYLE)
    pages = {
        name: st.Page(_page(view, tuple(locations), registry), title=title, url_path=name, default=name == "overview")
        for name, title, view in VIEWS
    }
    st.session_state["pages"] = pages
    st.navigation(list(pages.values())).run()


def _page(view: View, locations: tuple[Path, ...], registry: Path | None) -> Callable[[], None]:
    def show() -> None:
        found = published(locations, registry)
        view(Page(published=found, agreement=choose(), pages=st.session_state["pages"], locations=locations))

    return show


if __name__ == "__main__":
    given = sys.argv[1:]
    told = [Path(word.removeprefix(REGISTRY)) for word in given if word.startswith(REGISTRY)]
    serve([Path(word) for word in given if not word.startswith(REGISTRY)], next(iter(told), None))
