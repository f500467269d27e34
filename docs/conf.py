"""How the documentation is built as a site: `make docs`. The site asks nothing of the network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generated

project = "noisy-mirrors"
author = "The noisy-mirrors engineers"
copyright = "Apache-2.0"  # noqa: A001 - Sphinx's own name
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["samples"]
html_theme = "furo"
html_title = "noisy-mirrors"
html_copy_source = False
html_show_sphinx = False
suppress_warnings = ["myst.xref_missing", "myst.header"]
"""Pages also link to files of the repository, which aren't part of the site."""


def setup(app: object) -> None:
    """Write the reference from code and schemas before the pages are read."""
    del app
    generated.write(Path(__file__).parent / "reference")
