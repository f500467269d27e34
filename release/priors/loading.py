"""Public priors as values: figures published earlier, matched to a release's cells.

A cell's prior is the earlier figure of the same flow, partner, product, level and measure, times the stated growth. A
period of the same part of the year is preferred (2023-03 for 2024-03), else the prior's whole period is taken. Figures
outside the stated period are left out whatever file they stand in: this year's own must not shape this year's noise. A
cell without an earlier figure has prior 0, so its noise is set by the level's floor.
"""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from release.bundle.verification import Bundle, read_bundle
from release.config import Office, Release
from release.config.fields import PERIOD, months_of, year_of
from release.config.loading import inside
from release.config.priors import Prior
from release.errors import ConfigError, Fault
from release.plan import PriorFigures, make_layout
from release.priors.comtrade import comtrade_figures, is_comtrade
from release.priors.sdmx import is_sdmx, is_sdmx_ml, sdmx_csv_figures, sdmx_ml_figures
from release.tables import Layout, Level, Measure, cells

_COLUMNS = ("flow", "period", "partner", "product", "level", "measure", "value")


def load_prior(office: Office, release: Release, *, folder: Path, published: Path) -> PriorFigures | None:
    """Return the prior that a release names, or None when it names none.

    Args:
        office: whose release it is.
        release: its config.
        folder: of the config, for a prior table.
        published: the place of publication, for a prior bundle.

    Raises:
        ConfigError: there is no such table or bundle.
        BundleRefusedError: the bundle isn't what it says.
    """
    prior = release.prior
    if prior is None:
        return None
    if prior.bundle is not None:
        return _from_bundle(office, release, prior, inside(published, prior.bundle))
    return _from_table(office, release, prior, inside(folder, str(prior.table)))


def _from_bundle(office: Office, release: Release, prior: Prior, place: Path) -> PriorFigures:
    if not place.is_dir():
        raise _missing(release, "prior.bundle", f"there is no bundle at {place}; run that release first")
    bundle = read_bundle(place)
    figures = bundle.observations.select(*_COLUMNS[:-1], value="estimate")
    return _figures(release, prior, figures, digest=bundle.digest, same_account=_same_account(office, release, bundle))


def _same_account(office: Office, release: Release, bundle: Bundle) -> bool:
    account = bundle.charge["account"]
    own = (office.code, release.source.name, release.year)
    return (account["office"], account["source"], account["year"]) == own


def _from_table(office: Office, release: Release, prior: Prior, place: Path) -> PriorFigures:
    try:
        content = place.read_bytes()
        figures = _table(office, release, content, parquet=place.suffix == ".parquet")
    except OSError:
        raise _missing(release, "prior.table", f"there is no readable table at {place}") from None
    except pl.exceptions.PolarsError:
        problem = f"{place} needs the columns {', '.join(_COLUMNS)}, or is Comtrade Plus, SDMX-CSV or SDMX-ML"
        raise _missing(release, "prior.table", problem) from None
    except ValueError as fault:
        raise _missing(release, "prior.table", f"{place} can't be read: {fault}") from None
    return _figures(release, prior, figures, digest=hashlib.sha256(content).hexdigest(), same_account=False)


def _table(office: Office, release: Release, content: bytes, *, parquet: bool) -> pl.DataFrame:
    if not parquet and is_comtrade(content):
        return comtrade_figures(content, make_layout(release), office.area)
    if not parquet and is_sdmx(content):
        return sdmx_csv_figures(content, office.area)
    if not parquet and is_sdmx_ml(content):
        return sdmx_ml_figures(content, office.area)
    table = pl.read_parquet(content) if parquet else pl.read_csv(content, infer_schema=False)
    return table.select(*_COLUMNS[:-1], pl.col("value").cast(pl.Float64)).cast(dict.fromkeys(_COLUMNS[:-1], pl.String))


def _figures(release: Release, prior: Prior, table: pl.DataFrame, *, digest: str, same_account: bool) -> PriorFigures:
    layout = make_layout(release)
    stated = [period for period in table["period"].unique().drop_nulls() if _within(period, prior.period)]
    table = table.filter(pl.col("period").is_in(stated))
    if table.is_empty():
        raise _missing(release, "prior.period", f"the prior holds no figure of {prior.period}")
    keys = ["flow", "partner", "product", "level", "measure", "period"]
    if table.select(keys).is_duplicated().any():
        raise _missing(release, "prior", "the same cell stands twice in it")
    growth = float(prior.growth)
    figures = {
        (measure.name, scale.level): growth * _matched(table, layout, measure.name, scale.level, prior.period)
        for measure in release.measures
        for scale in measure.levels
    }
    return PriorFigures(
        publisher=prior.publisher,
        period=prior.period,
        published=prior.published,
        digest=digest,
        growth=prior.growth,
        same_account=same_account,
        figures=figures,
    )


def _within(period: str, stated: str) -> bool:
    """Decide whether a figure's period is the stated one, or a part of it."""
    known = PERIOD.fullmatch(period) is not None
    return known and year_of(period) == year_of(stated) and months_of(period) <= months_of(stated)


def _matched(table: pl.DataFrame, layout: Layout, measure: Measure, level: Level, period: str) -> NDArray[np.float64]:
    known = table.filter((pl.col("measure") == str(measure)) & (pl.col("level") == str(level)))
    figures = {
        (flow, part, partner, product): value
        for flow, part, partner, product, value in known.select(
            "flow", pl.col("period").str.slice(4), "partner", "product", "value"
        ).iter_rows()
    }
    whole = period[4:]
    found = (
        figures.get(
            (str(cell.flow), cell.period[4:], cell.partner, cell.product),
            figures.get((str(cell.flow), whole, cell.partner, cell.product), 0.0),
        )
        for cell in cells(layout, level)
    )
    return np.asarray(np.maximum(np.nan_to_num(np.asarray([value or 0.0 for value in found]), posinf=0.0), 0.0))


def _missing(release: Release, key: str, problem: str) -> ConfigError:
    return ConfigError([Fault(file=release.release, line=None, key=key, problem=problem)])
