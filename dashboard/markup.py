"""Tables and paragraphs as HTML in which everything that comes from outside is text.

Streamlit's Markdown would follow images and links that a stranger wrote; here every value is escaped, and only this
module writes tags. Tables have a caption and headed rows, for screen readers and for paper.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

STYLE = """<style>
.nm table {border-collapse: collapse; width: 100%; font-size: 0.92rem; font-variant-numeric: tabular-nums;}
.nm .wide {overflow-x: auto; container-type: inline-size;}
.nm .wide::-webkit-scrollbar {height: 8px;}
.nm .wide::-webkit-scrollbar-thumb {background: rgba(128,128,128,.65); border-radius: 4px;}
.nm caption {max-width: 100cqw; position: sticky; left: 0;}
.nm caption {text-align: left; font-size: 0.85rem; opacity: 0.8; padding-bottom: 0.4rem;}
.nm th, .nm td {padding: 0.32rem 0.7rem 0.32rem 0; border-bottom: 1px solid rgba(128,128,128,.28); text-align: left;
  vertical-align: top; overflow-wrap: break-word;}
.nm thead th {font-weight: 600; border-bottom: 1px solid rgba(128,128,128,.6);}
.nm tbody th {font-weight: 500; min-width: 6.5rem;}
.nm .number {text-align: right; white-space: pre;}
.nm thead th.number {white-space: normal;}
.nm .short {white-space: nowrap;}
.nm p {margin: 0;}
.nm .number {padding-left: 0.6rem;}
.nm .lead {font-size: 1.3rem; line-height: 1.5; margin: 0.1rem 0 0.2rem;}
.nm .quiet {font-size: 0.88rem; opacity: 0.82;}
.nm .note {border-left: 4px solid #b35806; padding: 0.4rem 0 0.4rem 0.9rem; margin: 0.1rem 0 0.2rem;}
.nm .differs td, .nm tr.differs th {font-weight: 600;}
.nm a {color: inherit; text-decoration: underline; text-underline-offset: 2px;}
.nm a:focus-visible {outline: 3px solid #1f6fb2; outline-offset: 2px;}
.nm .bar {display: inline-block; width: 6rem; height: 0.7rem; border: 1px solid currentColor; vertical-align: middle;}
.nm .bar span {display: block; height: 100%; background: currentColor;}
.nm ul {margin: 0.2rem 0 0.6rem 1.1rem; padding: 0;}
@media print {
  section[data-testid="stSidebar"], header[data-testid="stHeader"], .stDownloadButton, [data-testid="stToolbar"],
  .stSelectbox, .stNumberInput, .stTextInput, [data-testid="stExpandSidebarButton"] {display: none !important;}
  .stApp, .stMain, [data-testid="stMain"], [data-testid="stAppViewContainer"] {position: static !important;
    overflow: visible !important; height: auto !important; background: white !important; color: black !important;}
  .nm tr {break-inside: avoid;}
}
</style>"""
"""Said once on each page; it follows the theme's colours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way to another view of this dashboard: its page, what it should show, and the words to click."""

    page: str
    shown: tuple[tuple[str, str], ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a whole, drawn as a bar beside its words; `part` from 0 to 1."""

    part: float
    words: str


Value = str | Link | Share


def paragraph(text: str, kind: str = "", *, links: Sequence[Link] = ()) -> str:
    """Return one paragraph, its links behind the text; `kind` is `lead`, `quiet`, `note` or nothing."""
    ways = "".join(f" {_value(link)}" for link in links)
    return f'<div class="nm"><p class="{escape(kind)}">{escape(text)}{ways}</p></div>'


def bullets(texts: Iterable[str]) -> str:
    """Return a list."""
    return f'<div class="nm"><ul>{"".join(f"<li>{escape(text)}</li>" for text in texts)}</ul></div>'


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Value]],
    *,
    numbers: Iterable[str] = (),
    short: Iterable[str] = (),
) -> str:
    """Return a table whose first column heads its rows; columns in `numbers` stand right, those in `short` unbroken."""
    kinds = [
        "number" if name in frozenset(numbers) else "short" if name in frozenset(short) else "" for name in columns
    ]
    head = "".join(
        f'<th scope="col" class="{kind}">{escape(name)}</th>' for name, kind in zip(columns, kinds, strict=True)
    )
    body = "".join(f"<tr>{_row(row, kinds)}</tr>" for row in rows)
    return (
        f'<div class="nm"><div class="wide"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _row(row: Sequence[Value], kinds: Sequence[str]) -> str:
    first, *rest = zip(row, kinds, strict=True)
    cells = "".join(f'<td class="{kind}">{_value(value)}</td>' for value, kind in rest)
    return f'<th scope="row" class="{first[1]}">{_value(first[0])}</th>{cells}'


def _value(value: Value) -> str:
    if isinstance(value, Link):
        return f'<a href="{escape(address(value.page, value.shown))}" target="_self">{escape(value.words)}</a>'
    if isinstance(value, Share):
        width = 100 * min(1.0, max(0.0, value.part))
        return f'<span class="bar" role="presentation"><span style="width:{width:.1f}%"></span></span> ' + escape(
            value.words
        )
    return escape(value)


def address(page: str, shown: Iterable[tuple[str, str]]) -> str:
    """Return the address of a view, relative to the dashboard."""
    return f"{page}?{urlencode(tuple(shown))}"
