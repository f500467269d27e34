"""Practice records of a fifth office: what the demo's four offices recorded of their trade with it, seen from its side.

    python partner_records.py DEMO AREA OUT.csv        # such as: demo DE records.csv

The layout is deliberately another one than the demo's: semicolons, decimal points, ISO alpha-3 partners, columns with
names of their own, goods that cost a twentieth more on arrival than at departure.
"""

import sys
from pathlib import Path

import polars as pl


def main() -> None:
    """Write the file."""
    demo, area, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    parts = [seen_from(office, area) for office in sorted((demo / "offices").iterdir()) if office.is_dir()]
    pl.concat(parts).sort("day", "firm", "goods").write_csv(out, separator=";")


def seen_from(office: Path, area: str) -> pl.DataFrame:
    """Return an office's records of its trade with an area, as that area's own: what left there arrived here."""
    rows = pl.read_parquet(office / "declarations" / "**" / "*.parquet")
    imports = pl.col("flow").is_in(["M", "RM"])
    partner = pl.when(imports).then(pl.col("partner_consignment")).otherwise(pl.col("partner_destination"))
    freight = pl.when(imports).then(1 / 1.05).otherwise(1.05)
    return rows.filter(partner == area).select(
        firm=pl.concat_str(pl.lit("F"), pl.col("trader").hash(1) % 400),
        day=pl.col("date").dt.strftime("%d.%m.%Y"),
        direction=pl.when(imports).then(pl.lit("out")).otherwise(pl.lit("in")),
        country=pl.lit(office.name),
        goods="commodity",
        worth=(pl.col("value").cast(pl.Float64) * freight).round(2),
    )


if __name__ == "__main__":
    main()
