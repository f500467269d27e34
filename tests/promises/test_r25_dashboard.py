"""R25: labels of other offices are inert: nothing runs, nothing is requested, the text is shown."""

import copy
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "dashboard"))

from browsing import a_browser, a_dashboard, a_page, opened, text_of
from published_world import World, write_release, write_world

from dashboard import markup
from release.plan import ReleasePlan

pytestmark = pytest.mark.slow

_RUN = "window.hit=1"
_AWAY = "http://198.51.100.7/x"
_TEMPLATES = (
    "<script>{run}</script>",
    "</script><script>{run}</script>",
    "<img src=x onerror={run}>",
    "<img src='{away}'>",
    "<svg onload={run}>",
    "<svg><script href='{away}'/></svg>",
    "<iframe src='{away}'></iframe>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<object data='{away}'></object>",
    "<embed src='{away}'>",
    "<link rel=stylesheet href='{away}'>",
    "<style>@import '{away}';</style>",
    "<div style='background:url({away})'>",
    "<body onload={run}>",
    "<input autofocus onfocus={run}>",
    "<details open ontoggle={run}>",
    "<video src='{away}' autoplay>",
    "<audio src='{away}' autoplay>",
    "<base href='{away}'>",
    "<meta http-equiv=refresh content='0;url={away}'>",
    "<form action='{away}'><button>go</button></form>",
    "<a href='javascript:{run}'>x</a>",
    "<math><mi xlink:href='javascript:{run}'>",
    "<noscript><p title='</noscript><img src=x onerror={run}>'>",
    "<template><script>{run}</script></template>",
    "'\"><img src=x onerror={run}>",
    "--><img src=x onerror={run}><!--",
    "]]><img src=x onerror={run}>",
    "&lt;img src=x onerror={run}&gt;",
    "&#60;script&#62;{run}&#60;/script&#62;",
    "![x]({away})",
    "[x](javascript:{run})",
    "[x]: {away} 'y'\n![x]",
    "<{away}>",
    "{away}",
    "`<img src={away}>`",
    ":material/home: :smile: :red[x] :streamlit:",
    "$\\href{{javascript:{run}}}{{x}}$",
    "$$\\includegraphics{{{away}}}$$",
    "=cmd|'/c calc'!A0",
    '=HYPERLINK("{away}","x")',
    "+{run}",
    "-1+{run}",
    "@SUM(1)",
    "{{{{constructor.constructor('{run}')()}}}}",
    "${{{run}}}",
    "#{{{run}}}",
    "<%= {run} %>",
    "javascript:{run}",
    "data:text/html,<script>parent.{run}</script>",
)
_WRAPS = ("{}", "Zed {} zed")
PAYLOADS = tuple(
    wrap.format(template.format(run=f"{_RUN}+{number}", away=f"{_AWAY}{number}"))
    for wrap in _WRAPS
    for number, template in enumerate(_TEMPLATES)
)
EVERY = " ¦ ".join(PAYLOADS)
_SHEET = (
    "re_exports",
    "thresholds",
    "rate_source",
    "confidentiality",
    "territory",
    "date_basis",
    "vintage",
)


def hostile(plan: ReleasePlan) -> ReleasePlan:
    """Return a plan with all payloads wherever a stranger may write text; codes are held to codelists."""
    office = _changed(
        plan.office,
        name=EVERY,
        unit=_changed(plan.office.unit, formed_by=EVERY),
        metadata=_changed(
            plan.office.metadata,
            **dict.fromkeys(_SHEET, EVERY),
        ),
    )
    return replace(plan, office=office, release=_changed(plan.release, title=EVERY))


def _changed(value: Any, **fields: Any) -> Any:
    """Return a copy with other fields, past all checks, as a program that doesn't check would write it."""
    other = copy.copy(value)
    for name, field in fields.items():
        object.__setattr__(other, name, field)
    return other


def test_a_hundred_payloads_in_every_label_are_shown_as_text_and_do_nothing(
    tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    assert len(set(PAYLOADS)) == 100
    write_release(World(offices=("NLD",), bounded=False), "NLD", tmp_path, change=hostile)
    place = write_world(World(offices=("ITA",), ratios={}), tmp_path)
    (tmp_path / "home").mkdir()
    views = (
        "",
        "pair?exporter=ITA&importer=NLD",
        f"pair?{urlencode({'exporter': 'ITA', 'importer': PAYLOADS[2]})}",
        "budget",
        "releases",
        f"plan?{urlencode({'of': PAYLOADS[2]})}",
        "plan?of=NLD",
        "methods",
    )
    explorer = ["explorer?level=partner&office=NLD", f"explorer?{urlencode({'q': PAYLOADS[2]})}"]
    with a_browser() as browser, a_dashboard(place, home=tmp_path / "home") as address, a_page(browser) as (page, seen):
        told = ""
        for view in (*views, *explorer):
            opened(page, f"{address}/{view}")
            page.wait_for_timeout(700)
            told += text_of(page)
            assert page.evaluate("window.hit === undefined"), view
            assert (
                page.locator("[data-testid=stMain] .nm :is(img, script, iframe, svg, object, embed, video)").count()
                == 0
            )
        assert seen.quiet, seen
        missing = [payload for payload in PAYLOADS if _flat(payload) not in _flat(told)]
        assert not missing
        assert _flat(EVERY) in _flat(told)
    figure(
        "R25", f"{len(PAYLOADS)} payloads in every text field on {len(views) + len(explorer)} pages: 0 ran, 0 requests"
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("payload", PAYLOADS[:3])
def test_markup_holds_no_payload_as_it_is(payload: str) -> None:
    assert payload not in markup.paragraph(payload)
    assert payload not in markup.table("x", ("a", "b"), [(payload, payload)])
