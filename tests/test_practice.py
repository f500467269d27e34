"""The practice world: one shipment in two records, causes of asymmetry, planted discrepancies, reproducible files."""

from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from release.codelists import area_codes, chapter_codes
from release.errors import PracticeWorldError
from release.practice import Asymmetries, Discrepancy, Side, World, WorldFacts, generate
from release.practice.parameters import (
    chapter_shares,
    concordance,
    known_offices,
    other_totals,
    pair_totals,
    route_of,
    rows,
    totals_years,
    transport,
)
from release.practice.shipments import shared_out
from release.practice.totals import published

SMALL = World(traders=150, rows=6000, seed=7)
ALPHA2 = {"USA": "US", "GBR": "GB", "NLD": "NL", "ITA": "IT"}


def lines(facts: WorldFacts, office: str) -> pl.DataFrame:
    folder = facts.folder / office / "declarations"
    return pl.read_parquet(folder / "**" / "*.parquet", hive_partitioning=False).with_columns(
        month=pl.col("date").dt.strftime("%Y-%m"), chapter=pl.col("commodity").str.head(2)
    )


def sent_and_received(facts: WorldFacts, *, keys: tuple[str, ...]) -> pl.DataFrame:
    """Exports and imports by consignment between offices, by pair and keys, from the Parquet files alone."""
    sides = []
    for office in facts.world.offices:
        records = lines(facts, office)
        exports = records.filter(pl.col("flow").is_in(["X", "RX"]))
        imports = records.filter(pl.col("flow").is_in(["M", "RM"]))
        mine = pl.lit(ALPHA2[office])
        sides += [
            exports.select(*keys, exporter=mine, importer="partner_destination", side=pl.lit("x"), value="value"),
            imports.select(*keys, exporter="partner_consignment", importer=mine, side=pl.lit("m"), value="value"),
        ]
    both = pl.concat([side.select(*keys, "exporter", "importer", "side", "value") for side in sides])
    between = pl.col("exporter").is_in(list(ALPHA2.values())) & pl.col("importer").is_in(list(ALPHA2.values()))
    cells = both.filter(between).group_by("exporter", "importer", *keys)
    return cells.agg(
        x=pl.col("value").filter(pl.col("side") == "x").sum(), m=pl.col("value").filter(pl.col("side") == "m").sum()
    )


@pytest.fixture(scope="module")
def symmetric(tmp_path_factory: pytest.TempPathFactory) -> WorldFacts:
    folder = tmp_path_factory.mktemp("symmetric")
    return generate(replace(SMALL, asymmetries=Asymmetries.none()), folder)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> WorldFacts:
    planted = (
        Discrepancy(exporter="NLD", importer="ITA", chapters=("84", "85"), factor=1.4),
        Discrepancy(exporter="USA", importer="GBR", factor=0.5, side=Side.EXPORTER, months=(3, 4)),
    )
    return generate(replace(SMALL, planted=planted, prior_year=True), tmp_path_factory.mktemp("usual"))


def test_without_asymmetries_both_sides_agree_to_the_cent_in_every_cell(symmetric: WorldFacts) -> None:
    cells = sent_and_received(symmetric, keys=("month", "chapter"))
    assert cells.height > 2000
    assert cells.filter(pl.col("x") != pl.col("m")).is_empty()


def test_without_asymmetries_a_pair_adds_up_to_its_published_months_to_the_cent(symmetric: WorldFacts) -> None:
    cells = sent_and_received(symmetric, keys=("month",))
    alpha3 = {two: three for three, two in ALPHA2.items()}
    assert cells.height == 12 * 12
    for row in cells.iter_rows(named=True):
        key = (alpha3[row["exporter"]], alpha3[row["importer"]], totals_years()[-1], int(row["month"][-2:]))
        assert row["x"] == Decimal(pair_totals()[key]) / 100


def test_without_asymmetries_chapters_keep_the_pair_s_structure(symmetric: WorldFacts) -> None:
    year = sent_and_received(symmetric, keys=("chapter",)).filter(exporter="GB", importer="NL")
    got = dict(year.select("chapter", pl.col("x").cast(pl.Float64) / year["x"].cast(pl.Float64).sum()).iter_rows())
    for chapter, share in zip(chapter_codes(), chapter_shares()["GBR", "NLD"], strict=True):
        if share > 0.03:
            assert got[chapter] == pytest.approx(share, rel=0.35)


@pytest.mark.parametrize("cause", [part.name for part in fields(Asymmetries)])
def test_each_cause_alone_makes_the_mirrors_differ(cause: str, tmp_path: Path) -> None:
    size = {"cif": 1.0, "lag": 1.0, "valuation": 0.2, "settlement": 1.0}.get(cause, 0.2)
    asymmetries = replace(Asymmetries.none(), **{cause: size})
    facts = generate(replace(SMALL, months=(5, 6), asymmetries=asymmetries), tmp_path)
    basis = "origin" if cause in ("hub", "returns") else "consignment"
    truth = pl.read_csv(facts.truth, schema_overrides={"chapter": pl.String})
    kept = {"M": basis, "X": "destination"}
    sums = {
        flow: truth.filter(flow=flow, basis=name)
        .filter(pl.col("partner").is_in(list(ALPHA2.values())))
        .select(
            exporter=pl.col("office").replace_strict(ALPHA2) if flow == "X" else pl.col("partner"),
            importer=pl.col("partner") if flow == "X" else pl.col("office").replace_strict(ALPHA2),
            cell=pl.col("period") + pl.col("chapter"),
            value="value",
        )
        for flow, name in kept.items()
    }
    both = sums["X"].join(sums["M"], on=["exporter", "importer", "cell"], how="full", coalesce=True)
    assert not both.filter(pl.col("value").ne_missing(pl.col("value_right"))).is_empty()


def test_a_line_has_the_promised_columns_and_types(usual: WorldFacts) -> None:
    part = next((usual.folder / "ITA" / "declarations" / "year=2024" / "month=02").glob("part-*.parquet"))
    assert pl.read_parquet_schema(part) == {
        "declaration": pl.Int64,
        "trader": pl.String,
        "date": pl.Date,
        "flow": pl.String,
        "partner_origin": pl.String,
        "partner_consignment": pl.String,
        "partner_destination": pl.String,
        "commodity": pl.String,
        "value": pl.Decimal(18, 2),
        "net_mass_kg": pl.Decimal(18, 3),
        "mode": pl.String,
    }


@pytest.mark.parametrize("office", ["USA", "GBR", "NLD", "ITA"])
def test_lines_are_well_formed_and_in_their_month_s_folder(usual: WorldFacts, office: str) -> None:
    records = lines(usual, office)
    imports = pl.col("flow").is_in(["M", "RM"])
    assert records.height == next(one.lines for one in usual.offices if one.office == office)
    assert records["trader"].str.contains(f"^{ALPHA2[office]}[0-9]{{6}}$").all()
    assert records["commodity"].str.contains("^[0-9]{6}$").all()
    assert set(records["chapter"]) <= set(chapter_codes())
    assert records["value"].min() > 0  # type: ignore[operator]
    assert records["net_mass_kg"].min() > 0  # type: ignore[operator]
    assert (
        (records["date"].dt.strftime("%Y%m") == (records["year"] * 100 + records["month_right"]).cast(pl.String)).all()
        if "month_right" in records.columns
        else True
    )
    assert records.filter(imports & pl.col("partner_consignment").is_null()).is_empty()
    assert records.filter(imports & pl.col("partner_destination").is_not_null()).is_empty()
    assert records.filter(~imports & pl.col("partner_destination").is_null()).is_empty()
    assert records.filter(~imports & pl.col("partner_consignment").is_not_null()).is_empty()
    partner = pl.coalesce("partner_destination", "partner_consignment")
    assert records.filter(partner == ALPHA2[office]).is_empty()
    partners = next(one.partners for one in usual.offices if one.office == office)
    assert set(records.select(partner.alias("p"))["p"]) <= set(partners) <= set(area_codes())
    assert len(partners) == 3 + usual.world.other_partners


def test_every_part_holds_dates_of_its_folder_s_month_only(usual: WorldFacts) -> None:
    parts = sorted(usual.folder.glob("*/declarations/year=*/month=*/part-*.parquet"))
    assert len(parts) == 4 * 12
    for part in parts:
        dates = pl.read_parquet(part, columns=["date"], hive_partitioning=False)["date"]
        year, month = part.parent.parent.name.removeprefix("year="), part.parent.name.removeprefix("month=")
        assert set(dates.dt.strftime("%Y-%m")) == {f"{year}-{month}"}
        assert dates.is_sorted()


def test_a_declaration_is_one_trader_s_on_one_day(usual: WorldFacts) -> None:
    by_declaration = (
        lines(usual, "GBR").group_by("declaration").agg(pl.col("trader", "date", "flow", "mode").n_unique(), pl.len())
    )
    assert by_declaration["trader"].max() == 1
    assert by_declaration["date"].max() == 1
    assert by_declaration["len"].max() > 1  # type: ignore[operator]


def test_only_the_hub_passes_on_goods_of_third_countries(symmetric: WorldFacts, tmp_path: Path) -> None:
    facts = generate(replace(SMALL, months=(5,), asymmetries=replace(Asymmetries.none(), hub=0.3)), tmp_path)
    shares = {}
    for office in facts.offices:
        exports = lines(facts, office.office).filter(pl.col("flow").is_in(["X", "RX"]))
        again = exports.filter(pl.col("flow") == "RX")
        shares[office.office] = again["value"].cast(pl.Float64).sum() / exports["value"].cast(pl.Float64).sum()
        assert (again["partner_origin"] != office.alpha2).all()
        assert office.hub == (office.office == "NLD")
    assert shares["NLD"] > 0.02
    assert shares["USA"] == shares["GBR"] == shares["ITA"] == 0
    received = lines(facts, "ITA").filter(pl.col("partner_consignment") == "NL")
    assert received.filter(pl.col("partner_origin") != "NL").height > 0
    assert lines(symmetric, "NLD").filter(pl.col("flow") == "RX").is_empty()


def test_goods_that_come_back_are_re_imports_of_the_own_country(tmp_path: Path) -> None:
    facts = generate(replace(SMALL, months=(5,), asymmetries=replace(Asymmetries.none(), returns=0.3)), tmp_path)
    back = lines(facts, "ITA").filter(pl.col("flow") == "RM")
    assert back.height > 0
    assert (back["partner_origin"] == "IT").all()


def test_a_planted_discrepancy_is_realised_and_stands_on_the_answer_sheet(usual: WorldFacts) -> None:
    imports, exports = usual.answers
    assert imports.realised == pytest.approx(1.4, rel=1e-6)
    assert exports.realised == pytest.approx(0.5, rel=1e-6)
    assert imports.ratio is not None
    assert imports.ratio > 1.15
    assert exports.ratio is not None
    assert exports.ratio > 1.6
    sheet = pl.read_csv(usual.answer_sheet, schema_overrides={"chapters": pl.String, "months": pl.String})
    assert sheet["realised"].to_list() == pytest.approx([1.4, 0.5], rel=1e-5)
    assert sheet["chapters"].to_list() == ["84;85", None]
    assert sheet["months"].to_list() == [None, "03;04"]
    assert sheet["flow"].to_list() == ["M", "X"]


def test_a_planted_discrepancy_changes_its_own_side_and_cells_only(usual: WorldFacts, tmp_path: Path) -> None:
    without = generate(replace(usual.world, planted=(), prior_year=False), tmp_path)
    keys = ["office", "flow", "basis", "period", "partner", "chapter"]
    frames = [pl.read_csv(one.truth, schema_overrides={"chapter": pl.String}) for one in (usual, without)]
    changed = (
        frames[0]
        .join(frames[1], on=keys, how="full", coalesce=True)
        .filter(pl.col("value").ne_missing(pl.col("value_right")))
    )
    assert set(changed["office"]) == {"ITA", "USA"}
    american = changed.filter(office="USA")
    assert set(american["period"]) == {"2024-03", "2024-04"}
    assert set(american["flow"]) <= {"X", "RX"}
    assert american.filter((pl.col("value") / pl.col("value_right") - 0.5).abs() > 0.2).height <= 3
    assert set(changed.filter(office="ITA")["flow"]) <= {"M", "RM"}
    assert len(set(changed["period"])) == 12


def test_in_a_symmetric_world_a_planted_factor_is_the_mirror_ratio_of_its_chapters_alone(tmp_path: Path) -> None:
    planted = (Discrepancy(exporter="GBR", importer="ITA", chapters=("30", "87"), factor=1.25),)
    asymmetries = Asymmetries.none()
    facts = generate(replace(SMALL, months=(5, 6), asymmetries=asymmetries, planted=planted), tmp_path)
    cells = sent_and_received(facts, keys=("chapter",)).with_columns(pl.col("x", "m").cast(pl.Float64))
    struck = (pl.col("exporter") == "GB") & (pl.col("importer") == "IT") & pl.col("chapter").is_in(["30", "87"])
    assert cells.filter(struck)["m"].to_list() == pytest.approx((cells.filter(struck)["x"] * 1.25).to_list())
    assert cells.filter(~struck & (pl.col("x") != pl.col("m"))).is_empty()
    assert facts.answers[0].ratio == pytest.approx(1.25)
    assert facts.answers[0].before == facts.answers[0].x


def test_truth_is_the_sum_of_the_records_with_exports_gross_of_re_exports(usual: WorldFacts) -> None:
    truth = pl.read_csv(usual.truth, schema_overrides={"chapter": pl.String, "value": pl.Decimal(18, 2)})
    records = lines(usual, "NLD")
    for flow, basis, codes, partner in (
        ("X", "destination", ["X", "RX"], "partner_destination"),
        ("RX", "destination", ["RX"], "partner_destination"),
        ("M", "origin", ["M", "RM"], "partner_origin"),
        ("M", "consignment", ["M", "RM"], "partner_consignment"),
    ):
        cells = records.filter(pl.col("flow").is_in(codes)).group_by(
            pl.col("month").alias("period"), pl.col(partner).alias("partner"), "chapter"
        )
        summed = cells.agg(value=pl.col("value").sum(), lines=pl.len().cast(pl.Int64))
        told = truth.filter(office="NLD", flow=flow, basis=basis).select(summed.columns)
        order = ["period", "partner", "chapter"]
        assert summed.sort(order).equals(told.sort(order).cast(summed.schema))  # type: ignore[arg-type]


def test_published_tables_of_the_year_before_add_up_over_their_levels(usual: WorldFacts) -> None:
    for office in usual.offices:
        assert office.published is not None
        for path in office.published:
            table = pl.read_csv(path, schema_overrides={"product": pl.String, "value": pl.Decimal(18, 2)})
            assert table.columns == ["period", "flow", "partner", "product", "level", "measure", "value"]
            assert set(table["period"]) == {2023}
            assert not table.select("flow", "partner", "product", "measure").is_duplicated().any()
            sums = table.group_by("flow", "measure", "level").agg(pl.col("value").sum())
            assert sums.group_by("flow", "measure").agg(pl.col("value").n_unique())["value"].max() == 1
            assert set(table["level"]) == {"total", "partner", "chapter", "partner x chapter"}


def test_the_two_published_tables_differ_by_the_basis_of_imports_alone(usual: WorldFacts) -> None:
    assert usual.prior_truth is not None
    truth = pl.read_csv(usual.prior_truth, schema_overrides={"chapter": pl.String, "value": pl.Decimal(18, 2)})
    by_origin, by_consignment = (published(truth, "ITA", basis) for basis in ("origin", "consignment"))
    exports = pl.col("flow").is_in(["X", "RX"])
    assert by_origin.filter(exports).equals(by_consignment.filter(exports))
    assert not by_origin.filter(~exports).equals(by_consignment.filter(~exports))


def test_equal_worlds_have_equal_records_and_another_seed_others(usual: WorldFacts, tmp_path: Path) -> None:
    again = generate(usual.world, tmp_path / "again")
    other = generate(replace(usual.world, seed=8), tmp_path / "other")
    assert lines(again, "NLD").equals(lines(usual, "NLD"))
    assert again.truth.read_bytes() == usual.truth.read_bytes()
    assert other.truth.read_bytes() != usual.truth.read_bytes()


def test_months_and_offices_can_be_few(tmp_path: Path) -> None:
    world = World(offices=("GBR", "ITA"), months=(1, 7), traders=50, rows=1200, other_partners=0)
    facts = generate(world, tmp_path)
    assert {path.name for path in tmp_path.glob("*/declarations/*/*")} == {"month=01", "month=07"}
    assert set(
        lines(facts, "GBR").select(pl.coalesce("partner_destination", "partner_consignment"))["partner_destination"]
    ) == {"IT"}


def test_progress_is_told_step_by_step(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    world = World(offices=("GBR", "ITA"), months=(2,), traders=20, rows=400, prior_year=True)
    generate(world, tmp_path, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(number, 4) for number in range(1, 5)]


def test_a_folder_with_declarations_is_refused_and_left_alone(usual: WorldFacts) -> None:
    before = usual.truth.read_bytes()
    with pytest.raises(PracticeWorldError):
        generate(replace(usual.world, seed=99), usual.folder)
    assert usual.truth.read_bytes() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"offices": ("USA",)},
        {"offices": ("USA", "USA")},
        {"offices": ("USA", "DEU")},
        {"months": ()},
        {"months": (3, 2)},
        {"months": (0, 1)},
        {"year": 1500},
        {"traders": 1},
        {"rows": 5},
        {"seed": -1},
        {"other_partners": 41},
        {"mirrored": 0.0},
        {"planted": (Discrepancy(exporter="USA", importer="DEU", factor=2.0),)},
    ],
)
def test_a_world_that_cannot_be_made_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(PracticeWorldError):
        replace(SMALL, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"factor": 0.0}, {"factor": float("nan")}, {"chapters": ("77",)}, {"months": (13,)}])
def test_a_discrepancy_that_cannot_be_planted_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(PracticeWorldError):
        replace(Discrepancy(exporter="USA", importer="GBR", factor=2.0), **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [-0.1, 3.0, float("nan")])
def test_an_asymmetry_out_of_range_is_refused(size: float) -> None:
    with pytest.raises(PracticeWorldError):
        Asymmetries(hub=size)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    weights=st.lists(st.floats(min_value=1e-9, max_value=1e9), min_size=1, max_size=50),
    total=st.integers(min_value=10_000, max_value=10**13),
)
def test_shares_of_a_total_add_up_to_it_exactly_and_are_positive(weights: list[float], total: int) -> None:
    amounts = shared_out(np.asarray(weights), total)
    assert int(amounts.sum()) == total
    assert int(amounts.min()) >= 1


def test_every_pair_of_offices_has_three_years_of_totals_a_structure_and_a_route() -> None:
    offices = known_offices()
    pairs = [(one, other) for one in offices for other in offices if one != other]
    assert len(pairs) == 12
    for pair in pairs:
        assert all(pair_totals()[(*pair, year, month)] > 0 for year in totals_years() for month in range(1, 13))
        assert chapter_shares()[pair].sum() == pytest.approx(1.0)
        assert frozenset(pair) in route_of()
    assert len(totals_years()) == 3


def test_practice_parameters_cover_every_chapter_route_and_partner() -> None:
    assert {row["chapter"] for row in rows("goods")} == set(chapter_codes())
    assert {row["chapter"] for row in rows("concordance")} == set(chapter_codes())
    assert concordance().sum(axis=1) == pytest.approx([1.0] * 10)
    for route in {row["route"] for row in rows("routes")} | {"other"}:
        for goods in ("bulk", "general", "light"):
            assert transport(route, goods).cumulative[-1] == pytest.approx(1.0)
    assert {row["partner"] for row in rows("other_partners")} <= set(area_codes())
    assert all(total > 0 for total in other_totals().values())
