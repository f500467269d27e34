"""The Streamlit script: what is shown on every page, and which pages there are.

Run it by `mirrors dashboard PLACE...`, which serves it to this machine only. Each run looks at the locations anew,
reads what has changed, and hands the pages values; no page reads a file.
"""

import sys
from collections.abc import Callable, Sequence

import streamlit as st

from dashboard import markup
from dashboard.reading import Scene, choose, published, scene_of
from dashboard.settings import places_of
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


def serve(words: Sequence[str]) -> None:
    """Show the page that the address names, for what is published at the places that the server was given."""
    scene = scene_of(*places_of(words))
    st.set_page_config(page_title=TITLE, page_icon=None, layout="wide")
    st.html(markup.STYLE)
    pages = {
        name: st.Page(_page(view, scene), title=title, url_path=name, default=name == "overview")
        for name, title, view in VIEWS
    }
    st.session_state["pages"] = pages
    st.navigation(list(pages.values())).run()


def _page(view: View, scene: Scene) -> Callable[[], None]:
    def show() -> None:
        with st.spinner("Reading and checking published bundles …"):
            found = published(scene)
        agreement = choose(scene.agreed.agreement)
        view(Page(published=found, agreement=agreement, scene=scene, pages=st.session_state["pages"]))

    return show


if __name__ == "__main__":
    serve(sys.argv[1:])
