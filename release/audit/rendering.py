"""An audit's report as files: HTML that asks for nothing, PDF, Markdown and JSON; equal reports give equal bytes.

The words and figures are those of `report`; what is here is how they look. Every label may be a stranger's: HTML
escapes it, Markdown takes its marks away.
"""

import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from release.audit.drawing import budget_chart
from release.bundle.folder import replace_file
from release.codelists import shipped_folder
from release.wording import count, exact, one_in

SCRIPT = "recompute_losses.py"
_MARKS = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&])")
_UNPRINTABLE = re.compile(r"[^\S ]+|[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def write_report(document: Mapping[str, Any], folder: Path) -> tuple[Path, ...]:
    """Write the report in every form that can be made here, with the script that recomputes the losses."""
    folder.mkdir(parents=True, exist_ok=True)
    forms = {
        "audit.html": html(document).encode(),
        "audit.md": markdown(document).encode(),
        "audit.json": as_json(document),
        SCRIPT: (shipped_folder() / "audit" / SCRIPT).read_bytes(),
    }
    if pdf_can_be_made():
        forms["audit.pdf"] = pdf(html(document))
    for name, content in forms.items():
        replace_file(folder / name, content)
    return tuple(folder / name for name in sorted(forms))


def write_noise(document: Mapping[str, Any], folder: Path) -> Path:
    """Write what an attack on the noise came to, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / "noise.json", as_json(document))
    return folder / "noise.json"


def pdf_can_be_made() -> bool:
    """Whether the extra `pdf` and the system's Pango are there."""
    if find_spec("weasyprint") is None:
        return False
    try:
        import weasyprint  # noqa: F401
    except OSError:  # the system's libraries are missing
        return False
    return True


def html(document: Mapping[str, Any]) -> str:
    """Return the report as one page that needs nothing else: no script, no font, no request."""
    charts = {place: budget_chart(account) for place, account in enumerate(document["accounts"])}
    return _templates(escaped=True).get_template("report.html").render(report=document, charts=charts)


def markdown(document: Mapping[str, Any]) -> str:
    """Return the report as Markdown."""
    text = _templates(escaped=False).get_template("report.md").render(report=document)
    return re.sub(r"\n{3,}", "\n\n", text)


def as_json(document: Mapping[str, Any]) -> bytes:
    """Return the report as JSON."""
    return (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


def pdf(page: str) -> bytes:
    """Return the page as PDF; nothing is fetched for it."""
    from weasyprint import HTML

    return bytes(HTML(string=page, url_fetcher=_refuse).write_pdf(pdf_identifier=b"noisy-mirrors", pdf_tags=True))


def _refuse(url: str, *_: Any, **__: Any) -> Any:
    raise ValueError(url[:60])


def _templates(*, escaped: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(shipped_folder() / "audit"),
        autoescape=escaped,  # noqa: S701 - off for Markdown alone, where `_plain` takes every mark away
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown if escaped else _plain,
    )
    environment.filters["count"] = count
    environment.filters["listed"] = _listed
    environment.filters["exact"] = exact
    environment.filters["chance"] = lambda text: one_in(Fraction(text))
    return environment


def _shown(value: Any) -> Any:
    """Return a label without signs that turn text around or break lines."""
    return _UNPRINTABLE.sub(" ", value) if type(value) is str else value


def _plain(value: Any) -> Any:
    """Return a label without anything that Markdown would read as a mark."""
    return _MARKS.sub(r"\\\1", _UNPRINTABLE.sub(" ", value)) if isinstance(value, str) else value


def _listed(words: Iterator[str]) -> str:
    """Return words in a row, as people list them."""
    *first, last = [str(word) for word in words] or [""]
    return f"{', '.join(first)} and {last}" if first else last
