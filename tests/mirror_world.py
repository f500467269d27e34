"""Bundles in memory for the mirror tests: the figures are stated, so that what should be said of them is known."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from release.bundle.observations import OBSERVATION_SCHEMA
from release.bundle.verification import Bundle
from release.measurement import Measurement

AREAS = {"AAA": "AA", "BBB": "BB", "CCC": "CC", "DDD": "DD"}


def figure(
    flow: str,
    partner: str,
    value: float,
    *,
    sd: float = 1.0,
    exposure: float = 0.0,
    period: str = "2024",
    product: str = "TOTAL",
    level: str = "partner",
    measured: float | None = None,
    measured_sd: float | None = None,
) -> dict[str, Any]:
    """Return one published cell; `partner` is an office's code, exposure infinite where none is stated."""
    return {
        "period": period,
        "flow": flow,
        "partner": AREAS[partner],
        "product": product,
        "level": level,
        "measure": "value",
        "measured": value if measured is None else measured,
        "measured_sd": sd if measured_sd is None else measured_sd,
        "estimate": value,
        "sd": sd,
        "low": value - 1.96 * sd,
        "high": value + 1.96 * sd,
        "exposure": exposure,
        "display": max(value, 0.0),
    }


def bundle(office: str, figures: Iterable[dict[str, Any]], *, release: str = "2024", **said: Any) -> Bundle:
    """Return an office's bundle; `said` changes its metadata sheet, `beyond` its assumption on large traders."""
    rows = [{"office": office, **one} for one in figures]
    beyond, declared = said.pop("beyond", None), said.pop("declared_bound", None)
    sheet = {
        "trade_system": "general",
        "currency": "USD",
        "usd_per_unit": "1",
        "hs_edition": "HS 2022",
        "date_basis": "clearance",
        "valuation": {"M": "CIF", "X": "FOB", "RM": "unknown", "RX": "FOB"},
        "partner": {"M": "consignment", "X": "last known destination", "RM": "unknown", "RX": "unknown"},
    }
    for key, value in said.items():
        sheet[key] = {**sheet[key], **value} if isinstance(sheet[key], dict) else value  # type: ignore[dict-item]
    levels = dict.fromkeys(row["level"] for row in rows)
    measure = {
        "measure": "value",
        "levels": [{"level": level} for level in levels],
        "large_traders": None if beyond is None else {"beyond": beyond},
        **({} if declared is None else {"declared_bound": declared}),
    }
    plan = {
        "office": {"code": office, "name": office, "area": AREAS[office]},
        "release": release,
        "unit": {"kind": "record"},
        "rho": "1",
        "flows": list(dict.fromkeys(row["flow"] for row in rows)),
        "periods": list(dict.fromkeys(row["period"] for row in rows)),
        "partners": sorted({row["partner"] for row in rows}),
        "chapters": ["01", "84", "_X"],
        "sections": ["01", "16", "_X"],
        "measures": [measure],
    }
    return Bundle(
        place=office,
        digest=f"{office}-{release}",
        plan=plan,
        charge={},
        metadata=sheet,
        observations=pl.DataFrame(rows, schema=OBSERVATION_SCHEMA),
        measurement=Measurement(plan_digest="", charge_hash="", noisy={}, weights={}),
    )


def two(
    x: float, m: float, *, exposures: tuple[float, float] = (0.0, 0.0), sd: float = 1.0, **said: Any
) -> list[Bundle]:
    """Return the bundles of AAA, which exports x to BBB, and of BBB, which imports m from AAA; `said` is for both."""
    return [
        bundle("AAA", [figure("X", "BBB", x, sd=sd, exposure=exposures[0])], **said),
        bundle("BBB", [figure("M", "AAA", m, sd=sd, exposure=exposures[1])], **said),
    ]
