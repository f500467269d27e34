"""Stub."""

from dashboard.views.page import Page, heading


def show(page: Page) -> None:
    """Write the page."""
    heading("releases", page)
