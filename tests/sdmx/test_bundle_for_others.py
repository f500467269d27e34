"""What others do with a bundle without this program: validate it, register it, read its page, plot a series."""

import html.parser
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from frictionless import Package
from small_office import OFFICE, RELEASE, write_office

ROOT = Path(__file__).parents[2]
HOSTILE = '<script>document.title = \\"run\\"</script><img src=x onerror=alert(1)> & \\"=1+1'


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, mirrors) -> Path:
    """Return a bundle whose office chose hostile words wherever it may choose any."""
    office = OFFICE
    for words in ("Office of tests", "the trader id", "included in exports", "the Netherlands", "US dollars"):
        office = office.replace(f'"{words}"', f'"{words} {HOSTILE}"')
    release = RELEASE.replace('"Trade of 2024"', f'"{HOSTILE} \\u0007\\u202e"')
    ended = mirrors("run", write_office(tmp_path_factory.mktemp("hostile"), office=office, release=release), "--json")
    assert ended.code == 0, ended.err
    return Path(ended.json["bundle"])


def test_frictionless_finds_the_package_valid(bundle: Path) -> None:
    report = Package(str(bundle / "datapackage.json")).validate()
    assert report.valid, report.flatten(["path", "title", "message"])
    assert {task.place for task in report.tasks} == {path.name for path in bundle.iterdir()} - {"datapackage.json"}


def test_no_resource_has_a_type_that_the_data_package_profile_does_not_know(bundle: Path) -> None:
    resources = json.loads((bundle / "datapackage.json").read_bytes())["resources"]
    assert all(resource.get("type", "table") == "table" for resource in resources)  # version 2 has this one type
    assert all("/" in resource["mediatype"] for resource in resources)


def test_frictionless_notices_a_changed_figure(bundle: Path, tmp_path: Path) -> None:
    for path in bundle.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    table = tmp_path / "observations.csv"
    table.write_text(table.read_text().replace(",USD\n", ",EUR\n", 1))
    assert not Package(str(tmp_path / "datapackage.json")).validate().valid


@pytest.mark.parametrize("place", ["bundle", "hostile"])
def test_the_registry_of_deployments_would_take_the_entry(place: str, request: pytest.FixtureRequest) -> None:
    schema = json.loads((Path(__file__).parent / "deployments-schema.json").read_bytes())
    entry = yaml.safe_load((request.getfixturevalue(place) / "deployments-registry.yaml").read_bytes())
    checker = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    assert [error.message for error in checker.iter_errors(entry)] == []
    assert list(checker.iter_errors(entry | {"surprise": 1}))
    parameters = entry["deployment"]["privacy_loss"]["privacy_parameters"]
    assert (parameters["rho"], parameters["delta"]) == (1.5, "0.00000001")


class Tags(html.parser.HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Take note of an element."""
        self.seen.add(tag)
        self.attributes |= {(name, value) for name, value in attributes if name not in ("class", "aria-label")}


def test_hostile_words_are_shown_as_text_and_make_no_element(bundle: Path, hostile: Path) -> None:
    good, bad = ((place / "README.html").read_text(encoding="utf-8") for place in (bundle, hostile))
    assert Tags(bad).seen <= Tags(good).seen
    assert not {"script", "img", "link", "iframe", "object", "form", "a"} & Tags(bad).seen
    assert not any(name.startswith("on") or name in ("src", "href", "style") for name, _ in Tags(bad).attributes)
    assert "&lt;script&gt;" in bad
    assert "default-src 'none'" in bad.partition("<title>")[0]


def test_hostile_words_leave_every_other_file_readable(hostile: Path, mirrors) -> None:
    assert mirrors("verify", hostile).code == 0
    assert Package(str(hostile / "datapackage.json")).validate().valid
    import pysdmx.io

    (flow,) = pysdmx.io.read_sdmx(hostile / "sdmx-structure.xml", validate=True).get_dataflows()
    assert flow.name is not None
    assert flow.name.startswith("<script>")


def test_the_page_says_in_words_what_the_release_costs_and_what_intervals_leave_out(bundle: Path) -> None:
    text = (bundle / "README.html").read_text(encoding="utf-8")
    for words in ("rho = 1.5", "delta = 0.00000001", "What is protected", "What the interval doesn", "US$", "Germany"):
        assert words in text
    told = re.sub(r"<[^>]+>", " ", text.partition("<main>")[2])
    assert not re.search(r"\d[eE][+-]?\d|\bnan\b|\binf\b", told)
    assert text.count("<svg") == 4, "two flows, each by period and by partner"
    assert all("aria-label" in drawn for drawn in re.findall(r"<svg[^>]*>", text))


def test_no_number_that_people_read_has_an_exponent(bundle: Path) -> None:
    for name in ("methods.md", "observations.csv", "sdmx-data.csv", "deployments-registry.yaml"):
        assert not re.search(r"\b\d+(\.\d+)?[eE][+-]?\d+\b", (bundle / name).read_text(encoding="utf-8")), name


def test_the_ten_lines_of_the_docs_plot_a_series_without_this_program(bundle: Path, tmp_path: Path) -> None:
    document = (ROOT / "docs" / "bundle.md").read_text(encoding="utf-8")
    code = document.partition("<!-- ten lines -->")[2].partition("```python\n")[2].partition("```")[0]
    assert len(code.strip().splitlines()) <= 10
    blocked = "import sys\nsys.modules['release'] = sys.modules['dashboard'] = None\n"
    program = blocked + code.replace("published/NLD/2024", str(bundle))
    ended = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    drawn = (tmp_path / "series.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert all(period in drawn for period in ("2024-Q1", "2024-Q4"))


def test_the_example_could_not_have_used_this_program() -> None:
    blocked = "import sys\nsys.modules['release'] = None\nimport release"
    assert subprocess.run([sys.executable, "-I", "-c", blocked], capture_output=True, check=False).returncode != 0


def test_equal_inputs_give_equal_bytes_whatever_came_after_in_the_ledger(tmp_path: Path, mirrors) -> None:
    place = write_office(tmp_path / "office", office=OFFICE.replace('limit = "3"', 'limit = "9"'), release=RELEASE)
    first = Path(mirrors("run", place, "--json").json["bundle"])
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    (place.parent / "later.toml").write_text(RELEASE.replace('release = "2024"', 'release = "later"'))
    assert mirrors("run", place.parent / "later.toml").code == 0
    again = mirrors("run", place, "--out", tmp_path / "again", "--json").json
    assert again["status"] == "already published"
    assert {path.name: path.read_bytes() for path in Path(again["bundle"]).iterdir()} == before
