"""An exercise with public figures as offices' records: its configuration files and rows, for `real_mirrors.py`.

Every row's bound is declared beforehand, as a multiple of an earlier public figure of the same cell, and the noise is
just wide enough that a row within it is never clipped.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OFFICES = {"USA": "US", "GBR": "GB", "NLD": "NL", "ITA": "IT"}
CIF_FOB = 1.06
FLOOR = 5e7
"""The least earlier figure that a row is taken to have had, in US$."""

Rows = Mapping[tuple[str, str, str, str], float]
"""US dollars by reporting office, flow, partner and period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An exercise: rows, the earlier figures that bounds are declared from, and the periods that are compared."""

    name: str
    year: int
    months: tuple[str, ...]
    compared: str
    rows: Rows
    earlier: Rows
    multiple: float
    history: str


def write_office(folder: Path, office: str, case: Case, rho: str) -> None:
    """Write an office's records, its public earlier figures and its configuration."""
    folder.mkdir()
    own = {key: value for key, value in case.rows.items() if key[0] == office}
    lines = ["date,flow,partner,commodity,value"]
    lines += [
        f"{period}-01,{flow},{OFFICES[partner]},99,{value:.2f}" for (_, flow, partner, period), value in own.items()
    ]
    (folder / "records.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    earlier = ["flow,period,partner,product,level,measure,value"]
    earlier += [
        f"{flow},{period},{OFFICES[partner]},TOTAL,partner,value,{value:.2f}"
        for (_, flow, partner, period), value in case.earlier.items()
        if _ == office
    ]
    (folder / "earlier.csv").write_text("\n".join(earlier) + "\n", encoding="utf-8")
    (folder / "office.toml").write_text(_office(office, rho), encoding="utf-8")
    (folder / "release.toml").write_text(_release(office, case, rho), encoding="utf-8")


def _office(office: str, rho: str) -> str:
    return f"""
code = "{office}"
name = "Exercise with the public figures of {office}"
area = "{OFFICES[office]}"
[unit]
kind = "record"
formed_by = "a row of the public file"
[account]
limit = "{rho}"
delta = "1e-8"
[ledger]
url = "sqlite:///state/ledger.sqlite"
on_missing = "create"
[metadata]
trade_system = "unknown"
re_exports = "as published"
thresholds = "as published"
currency = "USD"
usd_per_unit = "1"
rate_source = "published in US dollars"
confidentiality = "none applied before noise"
hs_edition = "HS 2017"
territory = "as published"
date_basis = "as published"
vintage = "as published"
[metadata.valuation]
M = "CIF"
X = "FOB"
[metadata.partner]
M = "unknown"
X = "unknown"
"""


def _release(office: str, case: Case, rho: str) -> str:
    noise = 1.000001 * case.multiple / math.sqrt(2 * float(rho))
    partners = ", ".join(f'"{area}"' for code, area in OFFICES.items() if code != office)
    months = ", ".join(f'"{month}"' for month in case.months)
    before = min(key[3] for key in case.earlier)[:4]
    return f"""
release = "{case.year}"
title = "{case.name}, {office}"
year = {case.year}
periods = [{months}]
flows = ["M", "X"]
[source]
name = "public-rows"
layout = "csv"
path = "records.csv"
[source.columns]
date = "date"
flow = "flow"
partner = "partner"
commodity = "commodity"
value = "value"
[keys]
partners = [{partners}]
chapters = ["99"]
[prior]
table = "earlier.csv"
publisher = "IMF, Direction of Trade Statistics"
period = "{before}"
published = "{int(before) + 1}-06-30"
[[measures]]
name = "value"
rho = "{rho}"
levels = [{{ level = "partner", relative_noise = "{noise:.7f}", floor = "{FLOOR:.0f}" }}]
[measures.declared_bound]
times_prior = "{case.multiple}"
level = "partner"
floor = "{FLOOR:.0f}"
source = "declared for this exercise: a multiple of an earlier public figure of the same cell"
"""


def comparison_toml(case: Case, tolerance: str) -> str:
    """Return the comparison's TOML for a band."""
    return f"""
title = "{case.name}"
bundles = ["published"]
levels = ["partner"]
periods = ["{case.compared}"]
tolerance = "{tolerance}"
[cif_fob]
factor = "{CIF_FOB}"
source = "IMF, Direction of Trade Statistics"
[history]
table = "history.csv"
source = "IMF, Direction of Trade Statistics"
"""
