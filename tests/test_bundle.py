"""Bundles: written whole or not at all, and a museum of what verification refuses."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from small_office import write_office

from release.bundle.content import MANIFEST
from release.bundle.folder import publish
from release.bundle.observations import OBSERVATION_SCHEMA, csv_bytes, parquet_bytes, read_csv
from release.bundle.verification import read_bundle, verify
from release.errors import BundleRefusedError, PublicationTakenError


@pytest.fixture(scope="module")
def good(tmp_path_factory, mirrors) -> Path:
    release = write_office(tmp_path_factory.mktemp("office"))
    return Path(mirrors("run", release, "--json").json["bundle"])


@pytest.fixture
def bundle(good, tmp_path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "2024"))


def relisted(bundle: Path) -> None:
    """Make the manifest name the files as they are now: what a forger of an unsigned bundle would do."""
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    for resource in manifest["resources"]:
        content = (bundle / resource["path"]).read_bytes()
        resource["bytes"], resource["hash"] = len(content), f"sha256:{hashlib.sha256(content).hexdigest()}"
    (bundle / MANIFEST).write_text(json.dumps(manifest))


def edited(bundle: Path, name: str, edit: Callable[[dict], None]) -> None:
    document = json.loads((bundle / name).read_bytes())
    edit(document)
    (bundle / name).write_text(json.dumps(document))


def retabled(bundle: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    table = change(pl.read_parquet(bundle / "observations.parquet"))
    (bundle / "observations.parquet").write_bytes(parquet_bytes(table))
    (bundle / "observations.csv").write_bytes(csv_bytes(table))
    relisted(bundle)


def codes(bundle: Path) -> list[str]:
    return [finding.code for finding in verify(bundle).findings]


def test_a_good_bundle_has_no_finding_and_can_be_read(bundle):
    assert codes(bundle) == []
    assert read_bundle(bundle).observations.schema == OBSERVATION_SCHEMA


def test_every_flipped_byte_is_noticed(bundle):
    for path in sorted(bundle.iterdir()):
        content = path.read_bytes()
        for place in {0, len(content) // 3, len(content) - 1}:
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            assert codes(bundle), f"{path.name} at {place}"
        path.write_bytes(content)
    assert codes(bundle) == []


def _one_higher(table: pl.DataFrame, column: str) -> pl.DataFrame:
    first = pl.int_range(pl.len()) == 3
    return table.with_columns(pl.when(first).then(pl.col(column) + 1000).otherwise(pl.col(column)).alias(column))


MUSEUM: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a file is missing": ("missing file", lambda b: (b / "methods.md").unlink()),
    "a file is not listed": ("unlisted", lambda b: (b / "extra.txt").write_text("hello")),
    "a link leads out": ("not a file", lambda b: (b / "link").symlink_to("/etc/hostname")),
    "a folder is inside": ("not a file", lambda b: (b / "more").mkdir()),
    "the manifest is no JSON": ("manifest", lambda b: (b / MANIFEST).write_text("{")),
    "the manifest is nested beyond reason": ("manifest", lambda b: (b / MANIFEST).write_text("[" * 100_000)),
    "the manifest is too large": ("size", lambda b: (b / MANIFEST).write_bytes(b" " * 3_000_000)),
    "another format": ("format", lambda b: edited(b, MANIFEST, lambda d: d.update(format="other/9"))),
    "a file is listed twice": (
        "manifest",
        lambda b: edited(b, MANIFEST, lambda d: d["resources"].append(d["resources"][0])),
    ),
    "a listed path leaves the bundle": (
        "manifest",
        lambda b: edited(b, MANIFEST, lambda d: d["resources"][0].update(path="../../etc/passwd")),
    ),
    "the plan was changed": (
        "plan",
        lambda b: (edited(b, "plan.json", lambda d: d.update(title="other")), relisted(b)),
    ),
    "the charge is smaller": (
        "charge",
        lambda b: (edited(b, "charge.json", lambda d: d.update(rho="0.001")), relisted(b)),
    ),
    "the sheet was changed": (
        "metadata",
        lambda b: (edited(b, "metadata.json", lambda d: d.update(currency="EUR")), relisted(b)),
    ),
    "another head": (
        "head",
        lambda b: edited(b, MANIFEST, lambda d: d["ledger_head"].update(sequence=99)),
    ),
    "a measured figure was changed": ("measured", lambda b: retabled(b, lambda t: _one_higher(t, "measured"))),
    "a noise scale was changed": ("measured", lambda b: retabled(b, lambda t: _one_higher(t, "measured_sd"))),
    "a cell is missing": ("rows", lambda b: retabled(b, lambda t: t.slice(1))),
    "two cells are exchanged": ("cells", lambda b: retabled(b, lambda t: t.reverse())),
    "a partner stands twice": ("cells", lambda b: _partner_twice(b)),
    "a figure is infinite": (
        "numbers",
        lambda b: retabled(b, lambda t: t.with_columns(estimate=pl.lit(float("inf")))),
    ),
    "a column is gone": ("columns", lambda b: _dropped(b)),
    "a column holds columns": (
        "columns",
        lambda b: (
            pl.read_parquet(b / "observations.parquet")
            .with_columns(pl.struct("display"))
            .write_parquet(b / "observations.parquet"),
            relisted(b),
        ),
    ),
    "CSV and Parquet differ": (
        "csv",
        lambda b: (
            (b / "observations.csv").write_bytes(
                csv_bytes(_one_higher(pl.read_parquet(b / "observations.parquet"), "estimate"))
            ),
            relisted(b),
        ),
    ),
    "a Parquet file is none": (
        "unreadable",
        lambda b: ((b / "observations.parquet").write_bytes(b"PAR1 no"), relisted(b)),
    ),
    "the noisy result of another release": (
        "measurement",
        lambda b: (
            edited(b, "charge.json", lambda d: d["head"].update(hash="0" * 64)),
            edited(b, MANIFEST, lambda d: d["ledger_head"].update(hash="0" * 64)),
            relisted(b),
        ),
    ),
}


def _partner_twice(bundle: Path) -> None:
    """Make plan and table agree on two rows for one partner, which would tell an empty cell from the rest."""
    one, other = json.loads((bundle / "plan.json").read_bytes())["partners"][:2]
    edited(bundle, "plan.json", lambda d: d["partners"].__setitem__(1, one))
    retabled(bundle, lambda t: t.with_columns(pl.col("partner").replace(other, one)))


def _dropped(bundle: Path) -> None:
    table = pl.read_parquet(bundle / "observations.parquet").drop("exposure")
    (bundle / "observations.parquet").write_bytes(parquet_bytes(table))
    relisted(bundle)


@pytest.mark.parametrize("defect", MUSEUM)
def test_the_museum_of_broken_bundles_is_refused_each_by_its_code(bundle, defect):
    code, breaking = MUSEUM[defect]
    breaking(bundle)
    assert code in codes(bundle)
    with pytest.raises(BundleRefusedError) as refused:
        read_bundle(bundle)
    assert refused.value.problems


def test_no_bundle_at_all_is_a_finding(tmp_path):
    assert codes(tmp_path / "nothing") == ["missing"]
    assert codes(tmp_path) == ["missing file"]


def test_publishing_twice_writes_once_and_something_else_is_never_overwritten(good, tmp_path):
    from release.bundle.content import BundleContent

    content = BundleContent(files={path.name: path.read_bytes() for path in good.iterdir()})
    place = publish(content, tmp_path / "NLD" / "2024")
    times = {path.name: path.stat().st_mtime_ns for path in place.iterdir()}
    assert publish(content, place) == place
    assert {path.name: path.stat().st_mtime_ns for path in place.iterdir()} == times
    (place / "methods.md").write_text("mine")
    with pytest.raises(PublicationTakenError):
        publish(content, place)
    assert (place / "methods.md").read_text() == "mine"
    assert [path.name for path in place.parent.iterdir()] == ["2024"], "a staging folder was left behind"


def test_csv_reads_back_to_the_very_same_figures():
    numbers = [0.1 + 0.2, -1e-9, 1e22, 123456789012.25, float("inf"), 5e-324, -0.0]
    table = pl.DataFrame(
        {
            name: numbers if kind == pl.Float64 else [f"k{i}" for i in range(len(numbers))]
            for name, kind in OBSERVATION_SCHEMA.items()
        }
    )
    assert read_csv(csv_bytes(table)).equals(table)
    assert "INF" in csv_bytes(table).decode()
