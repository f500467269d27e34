"""`mirrors compare`: the published mirrors of several offices, side by side."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from rich.table import Table

from release.bundle.verification import Bundle, read_bundle
from release.cli.printing import out as console_out
from release.cli.printing import print_json, say
from release.mirror.comparison import Agreement, Comparison, MirrorCell, compare
from release.wording import amount, percent


def run(bundles: Sequence[Path], out: Path | None, *, tolerance: float, cif_fob: float, as_json: bool) -> None:
    """Compare bundles, print the pairs, and write all cells below `out` when it is given."""
    source = "stated on the command line" if cif_fob != Agreement().cif_fob else Agreement().cif_fob_source
    agreement = Agreement(tolerance=tolerance, cif_fob=cif_fob, cif_fob_source=source)
    comparison = compare([read_bundle(place) for place in found(bundles)], agreement)
    if out is not None:
        write(comparison, out)
        say(f"wrote {out / 'comparison.csv'} and {out / 'comparison.json'}")
    if as_json:
        print_json(document(comparison))
    else:
        show(comparison)


def found(places: Sequence[Path]) -> tuple[Path, ...]:
    """Return the bundles at the places: each a bundle, or a folder that holds bundles at any depth."""
    held = []
    for place in places:
        inside = sorted(path.parent for path in place.rglob("datapackage.json") if not _hidden(path, place))
        held += inside or [place]
    return tuple(dict.fromkeys(held))


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def write(comparison: Comparison, folder: Path) -> None:
    """Write every cell as `comparison.csv` and `comparison.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(MirrorCell)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(cell) for cell in comparison.cells)
    (folder / "comparison.csv").write_text(text.getvalue(), encoding="utf-8")
    (folder / "comparison.json").write_text(json.dumps(document(comparison), allow_nan=False), encoding="utf-8")


def document(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as one JSON object."""
    return {
        "agreement": asdict(comparison.agreement),
        "notes": [
            {"exporter": exporter, "importer": importer, "notes": list(notes)}
            for exporter, importer, notes in comparison.notes
        ],
        "cells": [asdict(cell) for cell in comparison.cells],
    }


def show(comparison: Comparison) -> None:
    """Print the pairs' totals in a table, and what it rests on."""
    pairs = [cell for cell in comparison.cells if cell.level == "partner"]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("flow", "period", "exports X", "imports M", "M / X", "95 % by noise", "SRD", "verdict"):
        table.add_column(name, justify="left" if name in _WORDS else "right", no_wrap=True)
    for cell in pairs:
        table.add_row(*_row(cell))
    console = console_out()
    console.print(table)
    agreement = comparison.agreement
    console.print(
        f"\nCorresponding means that M / X lies within {percent(agreement.tolerance)} of the CIF/FOB factor"
        f" {agreement.cif_fob:g} ({agreement.cif_fob_source}), where one applies."
    )
    console.print(
        "The intervals are 95 % by noise alone: they don't cover what clipping took off large traders. A verdict does;"
        " where neither office bounds that, none can be given. Nothing here covers reporting practice."
    )
    for exporter, importer, notes in comparison.notes:
        console.print(f"{exporter} to {importer}: {'; '.join(notes)}.")


_WORDS = ("flow", "period", "verdict")


def _row(cell: MirrorCell) -> tuple[str, ...]:
    return (
        f"{cell.exporter} to {cell.importer}",
        cell.period,
        f"{amount(cell.x, 'USD')} ± {amount(1.96 * cell.x_sd)}",
        f"{amount(cell.m, 'USD')} ± {amount(1.96 * cell.m_sd)}",
        ratio(cell.ratio),
        interval(cell.ratio_noise_low, cell.ratio_noise_high),
        percent(cell.srd),
        cell.verdict if cell.higher is None else f"{cell.verdict}, {_HIGHER[cell.higher]} higher",
    )


_HIGHER = {"x": "exports", "m": "imports"}


def ratio(figure: float | None) -> str:
    """Return a ratio as people write it."""
    return "–" if figure is None else f"{figure:.2f}"


def interval(low: float | None, high: float | None) -> str:
    """Return limits of a ratio; an open side is said in words."""
    if low is None and high is None:
        return "no limit"
    if high is None:
        return f"at least {ratio(low)}"
    return f"{ratio(low)} to {ratio(high)}" if low else f"at most {ratio(high)}"


def bundles_of(places: Sequence[Path]) -> list[Bundle]:
    """Return the verified bundles at the places."""
    return [read_bundle(place) for place in found(places)]
