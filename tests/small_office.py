"""A small office for tests: its config, and a CSV of declarations, written into a folder."""

import csv
import random
from pathlib import Path

OFFICE = """
code = "NLD"
name = "Office of tests"
area = "NL"
[unit]
kind = "trader-year"
formed_by = "the trader id"
[account]
limit = "3"
delta = "1e-8"
[ledger]
url = "sqlite:///state/ledger.sqlite"
on_missing = "create"
[metadata]
trade_system = "general"
re_exports = "included in exports"
thresholds = "none"
currency = "USD"
usd_per_unit = "1"
rate_source = "US dollars"
confidentiality = "none"
hs_edition = "HS 2022"
territory = "the Netherlands"
date_basis = "clearance"
vintage = "first"
[metadata.valuation]
M = "CIF"
X = "FOB"
[metadata.partner]
M = "origin"
X = "last known destination"
"""

RELEASE = """
release = "2024"
title = "Trade of 2024"
year = 2024
periods = ["2024"]
flows = ["M", "X"]
[source]
name = "declarations"
path = "declarations.csv"
layout = "csv"
[source.columns]
trader = "trader"
date = "date"
flow = "flow"
partner = "partner"
commodity = "commodity"
value = "value"
[keys]
partners = ["US", "GB", "IT", "DE"]
chapters = ["01", "27", "84", "85"]
[[measures]]
name = "value"
rho = "1"
levels = [
    { level = "total", noise_sd = "5e5" },
    { level = "partner", noise_sd = "3e5" },
    { level = "chapter", noise_sd = "3e5" },
    { level = "partner x chapter", noise_sd = "2e5" },
]
[[measures]]
name = "declarations"
rho = "1/4"
levels = [{ level = "total", noise_sd = "20" }, { level = "partner", noise_sd = "10" }]
[[measures]]
name = "traders"
rho = "1/4"
levels = [{ level = "total", noise_sd = "5" }, { level = "chapter", noise_sd = "3" }]
"""

COLUMNS = ("trader", "date", "flow", "partner", "commodity", "value")


def write_office(folder: Path, *, office: str = OFFICE, release: str = RELEASE, lines: int = 2000) -> Path:
    """Write `office.toml`, `2024.toml` and `declarations.csv` into a folder; return the release's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "office.toml").write_text(office)
    (folder / "2024.toml").write_text(release)
    write_declarations(folder / "declarations.csv", rows(lines))
    return folder / "2024.toml"


def rows(count: int, seed: int = 1) -> list[dict[str, str]]:
    """Return declaration lines with heavy-tailed values."""
    chance = random.Random(seed)
    return [
        {
            "trader": f"T{chance.randint(1, max(2, count // 8)):05d}",
            "date": f"2024-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
            "flow": chance.choice("MX"),
            "partner": chance.choice(("US", "GB", "IT", "DE", "CN")),
            "commodity": chance.choice(("010121", "270900", "847130", "850440", "999999")),
            "value": f"{chance.paretovariate(1.2) * 1000:.2f}",
        }
        for _ in range(count)
    ]


def write_declarations(path: Path, lines: list[dict[str, str]]) -> None:
    """Write declaration lines as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
