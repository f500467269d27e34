"""`mirrors compare`: the published mirrors of several offices, side by side."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from release.bundle.cells import inert_text
from release.bundle.verification import Bundle, read_bundle
from release.cli.comparison_tables import show, show_explained, show_sums
from release.cli.places import Place, found
from release.cli.printing import print_json, say
from release.errors import UsageError
from release.mirror.comparison import DEFAULT_CIF_FOB, DEFAULT_TOLERANCE, Agreement, Comparison, MirrorCell, compare
from release.mirror.configured import Agreed, is_comparison, read_agreed
from release.mirror.explaining import PairExplanation, explain
from release.mirror.middle import middles_of
from release.mirror.page import page_of
from release.mirror.sums import Total, sums_of
from release.registry.reading import read_registry, today


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for; a None leaves the default, or what the config says.

    Attributes:
        places: bundles and places that hold bundles, or one comparison's TOML.
        published: where a config's bundles are, in place of its own folder.
        tolerance: t of the band.
        cif_fob: factor from FOB exports to CIF imports.
        pairs: directions to explain, as `NLD>ITA`.
        sums: whether sums over offices are wanted.
        registry: the registry of offices, in place of a config's.
    """

    places: tuple[Place, ...]
    published: Path | None = None
    tolerance: float | None = None
    cif_fob: float | None = None
    pairs: tuple[str, ...] = ()
    sums: bool = False
    registry: Path | None = None


def run(asked: Asked, out: Path | None, *, as_json: bool) -> None:
    """Compare bundles, print the pairs, and write all cells below `out` when it is given."""
    file = _one_file(asked.places)
    agreed = _by_words(asked) if file is None else _configured(asked, file)
    ways = tuple(_way(text) for text in asked.pairs)
    bundles = bundles_of(asked.places if file is None else agreed.bundles, asked.registry or agreed.registry)
    comparison = compare(bundles, agreed.agreement, agreed.public)
    explained = tuple(explain(bundles, ways, agreed.agreement, agreed.public))
    sums = tuple(sums_of(comparison.cells, bundles, agreed.public)) if asked.sums else ()
    if out is not None:
        write(comparison, out, explained, sums, title=agreed.title)
        say(f"wrote {out / 'comparison.html'}, comparison.csv, comparison.parquet and comparison.json beside it")
    if as_json:
        print_json(document(comparison, explained, sums))
        return
    show(comparison)
    show_explained(explained)
    show_sums(sums)


def _one_file(places: Sequence[Place]) -> Path | None:
    first = places[0]
    return first if len(places) == 1 and isinstance(first, Path) and is_comparison(first) else None


def _configured(asked: Asked, file: Path) -> Agreed:
    if asked.tolerance is not None or asked.cif_fob is not None:
        raise UsageError("The band stands in the comparison's file; --tolerance and --cif-fob go with bundles alone.")
    return read_agreed(file, published=asked.published)


def _by_words(asked: Asked) -> Agreed:
    if asked.published is not None:
        raise UsageError("--bundles goes with a comparison's TOML; nothing was written.")
    cif_fob = DEFAULT_CIF_FOB if asked.cif_fob is None else asked.cif_fob
    source = Agreement().cif_fob_source if cif_fob == DEFAULT_CIF_FOB else "stated on the command line"
    tolerance = DEFAULT_TOLERANCE if asked.tolerance is None else asked.tolerance
    if tolerance > 1:
        raise UsageError(f"--tolerance {tolerance:g} is more than 100 %; 25 % is written 0.25. Nothing was written.")
    agreement = Agreement(tolerance=tolerance, cif_fob=cif_fob, cif_fob_source=source)
    return Agreed(agreement=agreement)


def _way(text: str) -> tuple[str, str]:
    exporter, middle, importer = text.partition(">")
    if not (middle and exporter and importer):
        raise UsageError(f"--pair is written as NLD>ITA, in quotes, not {text!r}; nothing was written.")
    return exporter, importer


def bundles_of(places: Sequence[Place], registry: Path | None = None) -> list[Bundle]:
    """Return the verified bundles at the places; with a registry, offices that it names have to have signed theirs.

    Raises:
        BundleRefusedError: one of them can't be believed.
        RegistryRefusedError: the registry can't.
    """
    known = None if registry is None else read_registry(registry, day=today()).registry
    return [read_bundle(place, known) for place in found(places)]


def write(
    comparison: Comparison,
    folder: Path,
    explained: Sequence[PairExplanation] = (),
    sums: Sequence[Total] = (),
    *,
    title: str = "Mirrors",
) -> None:
    """Write every cell as CSV, Parquet and JSON, and the page `comparison.html`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [asdict(cell) for cell in comparison.cells]
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(MirrorCell)], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _told(value) for name, value in _agreed(row).items()} for row in rows)
    (folder / "comparison.csv").write_text(text.getvalue(), encoding="utf-8")
    pl.DataFrame(rows, schema=_SCHEMA).write_parquet(folder / "comparison.parquet", compression="zstd")
    whole = json.dumps(document(comparison, explained, sums), allow_nan=False)
    (folder / "comparison.json").write_text(whole, encoding="utf-8")
    (folder / "comparison.html").write_text(page_of(comparison, title, explained), encoding="utf-8")


def _told(value: Any) -> Any:
    """Return text so that no spreadsheet takes it for a formula; the words come from other offices' bundles."""
    return inert_text(value) if isinstance(value, str) else value


def _agreed(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose band, which people agreed on, has no digits of a float's making: 0.824."""
    return row | {name: f"{row[name]:.12g}" for name in ("band_low", "band_high")}


_KINDS: dict[Any, Any] = {float: pl.Float64, float | None: pl.Float64, bool | None: pl.Boolean}
_SCHEMA = {field.name: _KINDS.get(field.type, pl.String) for field in fields(MirrorCell)}


def document(
    comparison: Comparison, explained: Sequence[PairExplanation] = (), sums: Sequence[Total] = ()
) -> dict[str, Any]:
    """Return the comparison as one JSON object; what has no finite value is null."""
    whole: dict[str, Any] = _plain(
        {
            "agreement": asdict(comparison.agreement),
            "notes": [
                {"exporter": exporter, "importer": importer, "notes": list(notes)}
                for exporter, importer, notes in comparison.notes
            ],
            "absent": [list(pair) for pair in comparison.absent],
            "cells": [asdict(cell) for cell in comparison.cells],
            "looks": [asdict(look) for look in comparison.looks],
            "explained": [asdict(one) for one in explained],
            "sums": [asdict(one) for one in sums],
            "reconciled": [asdict(one) for one in middles_of(comparison.cells, alpha=comparison.agreement.alpha)],
        }
    )
    return whole


def _plain(value: Any) -> Any:
    """Return the value with null for infinities, which JSON hasn't."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
