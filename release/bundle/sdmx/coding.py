"""The published table in SDMX's codes: one row a cell, one column a component, numbers as text."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from release.bundle.observations import with_numbers_told
from release.bundle.sdmx.model import COLUMNS, EDITIONS, SECTIONS_REST
from release.tables import ALL_PARTNERS, RESIDUAL, Measure

_MEASURES = {str(measure): str(measure).upper().replace(" ", "_") for measure in Measure}
_UNITS = {"DECLARATIONS": "PN", "TRADERS": "PN", "NET_MASS": "KG"}
_MONEY = ("VALUE", "RETURNS")


def coded(plan: Mapping[str, Any], table: pl.DataFrame) -> pl.DataFrame:
    """Return a release's observations with the components of the structure as columns, all of them text.

    Args:
        plan: the published plan.
        table: the published table.
    """
    sheet = plan["metadata"]
    measure = pl.col("measure").replace_strict(_MEASURES, default=pl.col("measure"), return_dtype=pl.String)
    columns = {
        "FREQ": _frequency(),
        "REF_AREA": pl.lit(plan["office"]["area"]),
        "TRADE_FLOW": pl.col("flow"),
        "COMMODITY_1": _commodity(EDITIONS[sheet["hs_edition"]]),
        "COUNTERPART_AREA_1": pl.col("partner"),
        "COUNTERPART_AREA_2": pl.lit(ALL_PARTNERS),
        "MEASURE": measure,
        "TIME_PERIOD": pl.col("period"),
        "OBS_VALUE": pl.col("estimate"),
        "OBS_STATUS": pl.lit("E"),
        "NOISE_SD": pl.col("sd"),
        "INTERVAL_LOW": pl.col("low"),
        "INTERVAL_HIGH": pl.col("high"),
        "EXPOSURE": pl.col("exposure"),
        "UNIT_MEASURE": measure.replace_strict(_UNITS, default=sheet["currency"], return_dtype=pl.String),
        "UNIT_MULT": pl.lit("0"),
        "VALUATION": _valuation(sheet["valuation"], measure),
        "COUNTERPART_AREA_1_TYPE": _by_flow(sheet["partner"], _code),
        **{name: pl.lit(value) for name, value in of_the_release(plan).items()},
    }
    return with_numbers_told(table).select(columns[name].alias(name) for name in COLUMNS)


def of_the_release(plan: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes of the whole data set."""
    return {
        "TRADE_SYSTEM": _code(plan["metadata"]["trade_system"]),
        "RELEASE_ID": plan["release"],
        "MECHANISM": "DISCRETE_GAUSSIAN",
        "PRIVACY_UNIT": _code(plan["unit"]["kind"]),
        "RHO": plan["rho"],
    }


def words(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what of a published plan stands in every row."""
    sheet = plan["metadata"]
    by_flow = (*sheet["valuation"].values(), *sheet["partner"].values())
    return (plan["office"]["area"], sheet["currency"], *by_flow, *of_the_release(plan).values())


def _code(word: str) -> str:
    return word.upper().replace(" ", "_").replace("-", "_")


def _frequency() -> pl.Expr:
    kinds = pl.col("period").str.len_chars().replace_strict({4: "A", 7: "M"}, default="", return_dtype=pl.String)
    return pl.when(pl.col("period").str.contains("Q", literal=True)).then(pl.lit("Q")).otherwise(kinds)


def _commodity(edition: str) -> pl.Expr:
    """Return the commodity's code; the rest has one among sections and one among chapters, since keys name no level."""
    residual, section = pl.col("product") == RESIDUAL, pl.col("level").str.ends_with("section")
    rest = pl.when(section).then(pl.lit(SECTIONS_REST)).otherwise(pl.lit(RESIDUAL))
    return pl.when(residual).then(rest).otherwise(pl.format("{}_{}", pl.lit(edition), pl.col("product")))


def _valuation(by_flow: Mapping[str, str], measure: pl.Expr) -> pl.Expr:
    """Return the price basis of amounts of money; of other measures there is none, `_Z`."""
    known = _by_flow(by_flow, lambda word: RESIDUAL if word == "unknown" else word)
    return pl.when(measure.is_in(_MONEY)).then(known).otherwise(pl.lit("_Z"))


def _by_flow(words: Mapping[str, str], code: Any) -> pl.Expr:
    return pl.col("flow").replace_strict(
        {flow: code(word) for flow, word in words.items()}, default="", return_dtype=pl.String
    )
