"""`mirrors audit`, as an office and as an outsider run it: what it says and writes, and that it says it twice alike."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import pytest
from small_office import OFFICE, RELEASE, write_office

from release.audit import rendering
from release.audit.checks import audit
from release.audit.evidence import Evidence
from release.audit.publications import withheld
from release.cli.audits import Asked, own_evidence, run
from release.errors import UsageError
from release.measurement import from_bytes, to_bytes

HOSTILE = '<script>alert(1)</script>" onload="x [a](javascript:b) `c` | d'


@pytest.fixture(scope="module")
def place(tmp_path_factory, mirrors) -> Path:
    """Return an office with one release, published."""
    folder = tmp_path_factory.mktemp("office")
    assert mirrors("run", write_office(folder, lines=600)).code == 0
    return folder


@pytest.fixture
def office(place, tmp_path) -> Path:
    return Path(shutil.copytree(place, tmp_path / "office"))


def evidence(office: Path, **asked: Path) -> Evidence:
    return own_evidence(office / "office.toml", Asked(office=office / "office.toml", **asked))


def codes(office: Path, **asked: Path) -> list[str]:
    return [one.code for one in audit(evidence(office, **asked))]


@pytest.fixture(scope="module")
def reported(place, mirrors, tmp_path_factory) -> Path:
    """Return the folder of an office's own report."""
    folder = tmp_path_factory.mktemp("report")
    assert mirrors("audit", place / "office.toml", "--out", folder).code == 0
    return folder


def test_a_clean_office_has_no_finding_and_ends_with_0(place, mirrors):
    ended = mirrors("audit", place / "office.toml", "--json")
    assert ended.code == 0, ended.err
    told = ended.json
    assert (told["office"], told["ok"], told["findings"]) == ("NLD", True, [])
    [account] = told["accounts"]
    assert (account["spent"]["rho"], account["limit"]["rho"], account["remaining"]["rho"]) == ("1.5", "3", "1.5")
    assert Fraction(account["epsilon"]) >= Fraction(str(told["releases"][0]["epsilon"]))


def test_a_finding_ends_with_1_and_says_what_to_do(office, mirrors):
    shutil.rmtree(office / "published" / "NLD" / "2024")
    ended = mirrors("audit", office / "office.toml")
    assert ended.code == 1
    assert "bundle-missing" in ended.out
    assert "What to do" in ended.out
    assert "can't establish" in ended.out


def test_a_release_that_is_withheld_with_a_reason_is_no_finding(office):
    shutil.rmtree(office / "published" / "NLD" / "2024")
    told = '[[withheld]]\nrelease = "2024"\nreason = "Recalled by the director"\n'
    (office / "office.toml").write_text(f"{OFFICE}{told}")
    assert codes(office) == []
    assert withheld(evidence(office)) == {"2024": "Recalled by the director"}


def test_an_altered_bundle_is_named_by_its_finding(office):
    table = office / "published" / "NLD" / "2024" / "observations.csv"
    table.write_bytes(table.read_bytes().replace(b"0", b"1", 1))
    assert codes(office) == ["bundle-damaged"]


def test_a_ledger_that_lost_its_witness_and_a_charge_is_found_by_audit_and_ledger_verify(office, mirrors):
    (office / "state" / "ledger.witness").unlink()
    [kept] = (office / "state" / "measurements").glob("*.parquet")
    other = replace(from_bytes(kept.read_bytes()), charge_hash="a" * 64)
    kept.with_name("2024-r1-aaaaaaaaaaaaaaaa.parquet").write_bytes(to_bytes(other))
    assert codes(office) == ["witness-missing", "result-unpaid"]
    verified = mirrors("ledger", "verify", office / "office.toml", "--json")
    assert verified.code == 5
    assert [one["code"] for one in verified.json["findings"]] == ["witness-missing", "result-unpaid"]


def test_a_limit_is_raised_for_a_reason_in_words_and_by_somebody(office, mirrors):
    asked = ("ledger", "raise", office / "office.toml", "--source", "declarations", "--year", 2024, "--limit", 4)
    for words in (("--reason", "."), ("--reason", "A second revision", "--decided-by", "?")):
        refused = mirrors(*asked, *words)
        assert refused.code == 2
        assert "The limit is what it was" in refused.err
    assert mirrors(*asked, "--reason", "A second revision", "--decided-by", "The board").code == 0
    [raised] = mirrors("ledger", "show", office / "office.toml", "--json").json["accounts"][0]["raised"]
    assert (raised["reason"], raised["decided_by"]) == ("A second revision", "The board")


def test_the_terminal_keeps_brackets_of_what_to_do(office, mirrors):
    shutil.rmtree(office / "published" / "NLD" / "2024")
    assert "[[withheld]]" in mirrors("audit", office / "office.toml").out


def test_an_audit_never_makes_a_ledger(tmp_path, mirrors):
    write_office(tmp_path, lines=1)
    (tmp_path / "published").mkdir()
    assert mirrors("audit", tmp_path / "office.toml").code == 5
    assert not (tmp_path / "state").exists()


def test_an_audit_opens_no_records(office):
    (office / "declarations.csv").unlink()
    assert codes(office) == []


def test_an_outsider_needs_nothing_but_what_is_published(place, tmp_path, mirrors):
    published = Path(shutil.copytree(place / "published", tmp_path / "elsewhere"))
    statement = published / "NLD.statement.json"
    ended = mirrors("audit", "--statement", statement, "--bundles", published, "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    told = ended.json
    assert told["view"] == "outsider"
    assert any("latest" in one for one in told["not_established"])
    assert len(told["not_established"]) > 5


def test_a_head_that_was_kept_is_held_against_ledger_and_statement(office, tmp_path, mirrors):
    kept = tmp_path / "kept"
    shutil.copytree(office / "published", kept)
    statement = kept / "NLD.statement.json"
    told = json.loads(statement.read_text())
    assert codes(office, heads=kept) == []
    told["head"] = {"sequence": 99, "hash": "f" * 64}
    statement.write_text(json.dumps(told))
    verified = mirrors("ledger", "verify", office / "office.toml", "--heads", kept, "--json")
    assert verified.code == 5
    assert [one["code"] for one in verified.json["findings"]] == ["rolled-back"]
    assert codes(office, heads=kept) == ["rolled-back"]


@pytest.mark.parametrize(
    "asked",
    [
        Asked(),
        Asked(statement=Path("x")),
        Asked(statement=Path("x"), bundles=Path()),
        Asked(office=Path("o.toml"), statement=Path("x")),
    ],
)
def test_what_cannot_be_audited_is_refused_in_words(asked):
    with pytest.raises(UsageError, match="nothing was audited"):
        run(asked, None, as_json=False)


# -- the report -------------------------------------------------------------------------------------------------------


def test_the_report_is_written_in_every_form(reported):
    names = {file.name for file in reported.iterdir()}
    assert {"audit.html", "audit.md", "audit.json", "recompute_losses.py"} <= names
    assert ("audit.pdf" in names) == rendering.pdf_can_be_made()


class Links(HTMLParser):
    """The tags of a page, and everything in them that names an address or runs."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: D102
        self.tags.append(tag)
        self.addresses += [
            f"{name}={text}" for name, text in attrs if name in ("src", "href", "action") or name[:2] == "on"
        ]


def parsed(page: str) -> Links:
    links = Links()
    links.feed(page)
    return links


def test_the_page_asks_for_nothing_and_can_be_read_by_everyone(reported):
    page = (reported / "audit.html").read_text()
    links = parsed(page)
    assert links.addresses == []
    assert not {"script", "link", "img", "iframe", "object"} & set(links.tags)
    assert "url(" not in page
    assert "@import" not in page
    assert page.count("<h1>") == 1
    assert '<html lang="en">' in page
    assert 'role="img" aria-label=' in page
    assert {"main", "header", "footer", "caption", "thead"} <= set(links.tags)


def test_every_layer_of_the_standard_has_its_heading(reported):
    page = (reported / "audit.html").read_text()
    for layer in (
        "Parameters and unit of privacy",
        "Mechanism and correctness",
        "Utility and bias",
        "Threat model and side channels",
        "Access and storage",
        "Data collection",
    ):
        assert f"<h3>{layer}</h3>" in page


def test_figures_are_written_as_people_write_them(reported):
    for name in ("audit.html", "audit.md"):
        text = re.sub(
            r"<style>.*?</style>|<svg.*?</svg>|\b[0-9a-f]{64}\b", "", (reported / name).read_text(), flags=re.DOTALL
        )
        assert not re.search(r"\d[eE][+-]?\d{2}\b", text), name
        assert not re.search(r"\bnan\b|\binf\b|\bNone\b|Fraction", text), name


_AGAIN = """
import hashlib, json, sys
from pathlib import Path
from release.audit import rendering
from release.audit.checks import audit
from release.audit.evidence import Evidence
from release.audit.publications import withheld
from release.cli.audits import Asked, own_evidence, run
from release.errors import UsageError
document = json.loads(Path(sys.argv[1]).read_bytes())
page = rendering.html(document)
forms = [page.encode(), rendering.markdown(document).encode(), rendering.as_json(document)]
forms = [rendering.pdf(page)] if sys.argv[2:] else forms
print([hashlib.sha256(form).hexdigest() for form in forms])
"""


def test_the_same_report_is_the_same_bytes_in_every_process(reported):
    _rendered_again(reported, ["audit.html", "audit.md", "audit.json"])


@pytest.mark.skipif(not rendering.pdf_can_be_made(), reason="needs the extra pdf, and Pango on this system")
def test_the_same_report_is_the_same_pdf_in_every_process(reported):
    _rendered_again(reported, ["audit.pdf"], "pdf")


def _rendered_again(reported: Path, names: list[str], *form: str) -> None:
    first = [hashlib.sha256((reported / name).read_bytes()).hexdigest() for name in names]
    again = subprocess.run(
        [sys.executable, "-c", _AGAIN, reported / "audit.json", *form],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert again.stdout.strip() == str(first)


def test_an_audit_of_the_same_things_is_the_same_report(place, reported, mirrors, tmp_path):
    assert mirrors("audit", place / "office.toml", "--out", tmp_path).code == 0
    for file in reported.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


def test_hostile_labels_are_inert(tmp_path, mirrors):
    quoted = json.dumps(HOSTILE)
    office = OFFICE.replace('"Office of tests"', quoted).replace('"the trader id"', quoted)
    release = RELEASE.replace('"Trade of 2024"', quoted)
    folder = tmp_path / "office"
    assert mirrors("run", write_office(folder, office=office, release=release, lines=200)).code == 0
    assert mirrors("audit", folder / "office.toml", "--out", tmp_path / "report").code == 0
    page = (tmp_path / "report" / "audit.html").read_text()
    assert "script" not in parsed(page).tags
    assert parsed(page).addresses == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    text = (tmp_path / "report" / "audit.md").read_text()
    assert "<script>" not in text
    assert "](javascript" not in text


# -- the script that recomputes ---------------------------------------------------------------------------------------

_ALONE = """
import importlib.abc, runpy, sys
class Refused(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"release", "dashboard", "numpy", "polars", "pyarrow", "sqlalchemy", "pydantic"}:
            raise ImportError(name)
sys.meta_path.insert(0, Refused())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def recomputed(script: Path, statement: Path) -> subprocess.CompletedProcess[str]:
    told = [sys.executable, "-c", _ALONE, str(script), str(statement)]
    return subprocess.run(told, capture_output=True, text=True, check=False)


def test_the_script_finds_the_reports_total_without_this_program(place, reported):
    ended = recomputed(reported / "recompute_losses.py", place / "published" / "NLD.statement.json")
    assert ended.returncode == 0, ended.stderr
    report = json.loads((reported / "audit.json").read_bytes())
    assert Fraction(ended.stdout.strip().rpartition("rho ")[2]) == Fraction(report["total"]["rho"])
    [epsilon] = re.findall(r"epsilon ([0-9.]+)", ended.stdout)
    assert 0 <= float(report["accounts"][0]["epsilon"]) - float(epsilon) < 0.011


def test_the_script_finds_a_loss_that_is_not_covered_and_a_broken_chain(place, reported, tmp_path):
    statement = json.loads((place / "published" / "NLD.statement.json").read_bytes())
    for entry in statement["entries"]:
        entry["body"] = entry["body"].replace('"rho":"1/4"', '"rho":"1/5"', 1)
    (tmp_path / "s.json").write_text(json.dumps(statement))
    ended = recomputed(reported / "recompute_losses.py", tmp_path / "s.json")
    assert ended.returncode == 1
    assert "doesn't cover" in ended.stdout
    assert "doesn't follow" in ended.stdout
