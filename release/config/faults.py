"""What can be wrong between the values of a config, each of which is right by itself. No input, no output."""

from math import prod
from pathlib import PurePosixPath

from release.codelists import area_codes, chapter_codes
from release.config.fields import months_of, year_of
from release.config.measures import MeasurePlan
from release.config.office import Office
from release.config.release import Release
from release.config.source import Column, Source
from release.tables import Measure

WORKS_ON = {"duckdb": "parquet", "postgres": "table", "spark": "parquet"}
"""The layout of records that an engine beside polars works on; polars works on all others."""

MOST_LEAVES = 2**21
"""How many (flow, period, partner, product) leaves a release may have; exact sums are proven to fit up to here."""

Faults = list[tuple[tuple[str | int, ...], str]]
"""Where each fault stands, as a path of keys, and what is wrong there."""


def office_faults(office: Office) -> Faults:
    """Return what is wrong within an office's config."""
    faults: Faults = []
    terms = office.account
    if terms.reserve >= terms.limit:
        faults.append((("account", "reserve"), "must be less than the limit it is a part of"))
    for year in {share.year for share in terms.calendar}:
        planned = sum(share.rho for share in terms.calendar if share.year == year)
        if planned > terms.limit - terms.reserve:
            faults.append((("account", "calendar"), f"the shares of {year} add up to more than limit less reserve"))
    names = [share.release for share in terms.calendar]
    if len(set(names)) != len(names):
        faults.append((("account", "calendar"), "a release stands twice in the calendar"))
    faults += _place_faults(office)
    return faults


def _place_faults(office: Office) -> Faults:
    """Return which private things would lie in the place of publication."""
    faults: Faults = []
    if _overlap(office.state, office.published):
        faults.append((("published",), "the place of publication and the private state folder must lie apart"))
    signing = office.signing
    secrets = () if signing is None else (("key", signing.key), ("passphrase_file", signing.passphrase_file))
    for name, secret in secrets:
        if secret is not None and _overlap(secret, office.published):
            faults.append((("signing", name), "what is secret must not lie in the place of publication"))
    if signing is not None and signing.passphrase_file is not None and signing.passphrase_variable is not None:
        faults.append((("signing",), "the passphrase comes from a file or from a variable, not from both"))
    ledger = office.ledger.url.removeprefix("sqlite:///")
    if ledger != office.ledger.url and _overlap(ledger, office.published):
        faults.append((("ledger", "url"), "the ledger must not lie in the place of publication"))
    return faults


def _overlap(one: str, other: str) -> bool:
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)


def release_faults(release: Release) -> Faults:
    """Return what is wrong within a release's config."""
    faults: Faults = []
    if any(year_of(period) != release.year for period in release.periods):
        faults.append((("periods",), f"every period must lie in the accounting year {release.year}"))
    covered = [month for period in release.periods for month in months_of(period)]
    if len(set(covered)) != len(covered):
        faults.append((("periods",), "periods overlap; each month may be covered once"))
    if len(set(release.flows)) != len(release.flows):
        faults.append((("flows",), "a flow stands twice"))
    names = [measure.name for measure in release.measures]
    if len(set(names)) != len(names):
        faults.append((("measures",), "a measure stands twice"))
    if Measure.NET_MASS in names and release.source.columns.net_mass is None:
        faults.append((("source", "columns"), "net_mass must be mapped when net mass is a measure"))
    for index, measure in enumerate(release.measures):
        excess = () if measure.large_traders is None else measure.large_traders.levels
        shaped = any(scale.relative_noise is not None for scale in (*measure.levels, *excess))
        if shaped and release.prior is None:
            faults.append((("measures", index, "levels"), "relative_noise needs a [prior]; without one give noise_sd"))
        if _by_prior(measure) and release.prior is None:
            faults.append(
                (("measures", index, "declared_bound"), "times_prior needs a [prior]; without one give amount")
            )
    faults += _heading_faults(release)
    leaves = _leaves(release)
    if leaves > MOST_LEAVES:
        faults.append((("keys",), f"the release would have {leaves:,} leaves; at most {MOST_LEAVES:,} are taken"))
    faults += _layout_faults(release.source) + _mapping_faults(release.source) + _trader_faults(release)
    return faults + _prior_faults(release) + _revision_faults(release)


def _revision_faults(release: Release) -> Faults:
    """Return what is wrong with what a release says it takes the place of."""
    if release.supersedes is None or (release.revision and release.supersedes != release.release):
        return []
    return [(("supersedes",), "needs revision = true, and names another release than this one")]


def _heading_faults(release: Release) -> Faults:
    listed = {4: release.keys.headings, 6: release.keys.subheadings}
    return [
        (("measures", index, "levels"), f"{scale.level} is measured, and keys lists no code of {digits} digits")
        for index, measure in enumerate(release.measures)
        for scale in measure.levels
        for digits, codes in listed.items()
        if scale.level.digits == digits and not codes
    ]


def _layout_faults(source: Source) -> Faults:
    """Return what is wrong with the rules that choose and double rows."""
    faults: Faults = []
    if isinstance(source.reporter, Column) and source.reporter.column is None:
        faults.append((("source", "reporter"), "is one column, with translated codes where the source has others"))
    if source.encoding != "utf-8" and source.layout != "csv":
        faults.append((("source", "encoding"), "is a CSV's; other layouts state their own"))
    faults += _table_faults(source)
    for index, view in enumerate(source.views):
        if any(isinstance(field, Column) and field.constant is None for field in view.values()):
            faults.append((("source", "views", index), "a view's columns are named, or { constant = ... }"))
        if view.keys() != source.views[0].keys():
            faults.append((("source", "views", index), "all views make the same columns"))
    return faults


def _table_faults(source: Source) -> Faults:
    """Return what is lacking where the records are a database's table, or has no use where they aren't."""
    faults: Faults = []
    of_table = {"service": source.service, "table": source.table}
    if source.layout == "table":
        faults += [(("source", name), 'is needed where layout = "table"') for name, own in of_table.items() if not own]
        faults += [(("source", "path"), "has no use: the records are in a table")] if source.path else []
    else:
        faults += [(("source", name), 'goes with layout = "table"') for name, own in of_table.items() if own]
    return faults


def _mapping_faults(source: Source) -> Faults:
    """Refuse columns by flow where rows are read without looking at their flow."""
    return [
        (("source", "columns", name), "by_flow goes with partner and commodity alone")
        for name in ("date", "flow", "value", "trader", "net_mass", "currency", "declaration")
        if isinstance(column := getattr(source.columns, name), Column) and column.by_flow is not None
    ]


def _leaves(release: Release) -> int:
    partners = area_codes() if release.keys.partners == "all" else release.keys.partners
    chapters = chapter_codes() if release.keys.chapters == "all" else release.keys.chapters
    products = len(chapters) + 1 + len(release.keys.headings) + len(release.keys.subheadings)
    return prod((len(release.flows), len(release.periods), len(partners) + 1, products))


def _columns_in(field: str | Column | None) -> tuple[str, ...]:
    if field is None or isinstance(field, str):
        return () if field is None else (field,)
    single = () if field.column is None else (field.column,)
    return (*single, *(field.first_of or ()), *(field.by_flow or {}).values(), *(field.joined or ()))


def _trader_faults(release: Release) -> Faults:
    """Refuse ids in the config itself: its digest is published, and anyone could test a guess of them with it."""
    faults: Faults = []
    trader = release.source.columns.trader
    if isinstance(trader, Column) and trader.translate is not None:
        faults.append(
            (("source", "columns", "trader"), "trader ids are mapped by source.trader_ids, not translated here")
        )
    own = set(_columns_in(trader))
    for key in ("only", "leave_out"):
        if own & set(getattr(release.source, key)):
            faults.append((("source", key), "chooses rows by traders' ids; those stay out of the config"))
    stated = [field for view in release.source.views for name, field in view.items() if name in own]
    if any(isinstance(field, Column) and field.constant is not None for field in (trader, *stated)):
        faults.append((("source", "columns", "trader"), "is stated as a constant; ids stay out of the config"))
    for name in ("date", "flow", "partner", "commodity", "value", "net_mass", "currency", "declaration"):
        field = getattr(release.source.columns, name)
        if isinstance(field, Column) and field.translate is not None and own & set(_columns_in(field)):
            faults.append((("source", "columns", name), "translates the traders' ids; those stay out of the config"))
    for name in ("trader_ids", "protected_traders"):
        if getattr(release.source, name) is not None and trader is None:
            faults.append((("source", name), "there is no column of traders that it could be applied to"))
    return faults + _request_faults(release)


def _request_faults(release: Release) -> Faults:
    """Refuse a list of traders who asked for protection where it has no use, or where something would contradict it."""
    if release.source.protected_traders is None:
        return []
    tiers = [(index, measure.large_traders) for index, measure in enumerate(release.measures)]
    if all(tier is None for _, tier in tiers):
        return [(("source", "protected_traders"), "has no use: no measure has a large-trader tier")]
    problem = 'nothing bounds what is cut off traders on source.protected_traders: say beyond = "not bounded"'
    return [
        (("measures", index, "large_traders", "beyond"), problem)
        for index, tier in tiers
        if tier is not None and tier.beyond == "assumed none"
    ]


def _prior_faults(release: Release) -> Faults:
    table = None if release.prior is None else release.prior.table
    if table is None:
        return []
    source = release.source
    confidential = (source.path, source.trader_ids, source.protected_traders)
    if any(place is not None and _overlap(table, place) for place in confidential):
        return [(("prior", "table"), "a prior is public, and this is a confidential input")]
    return []


def _tier_faults(office: Office, release: Release) -> Faults:
    """Refuse a large-trader tier that the office's policy and account don't provide for."""
    faults: Faults = []
    for index, measure in enumerate(release.measures):
        where = ("measures", index, "large_traders")
        if measure.large_traders is None:
            continue
        if office.policy.large_traders != "on":
            faults.append((where, "the office's policy doesn't turn the large-trader tier on"))
        elif office.account.large_traders is None:
            faults.append((where, "the office's account has no limit for large traders (account.large_traders)"))
    return faults


def _by_prior(measure: MeasurePlan) -> bool:
    return measure.declared_bound is not None and measure.declared_bound.times_prior is not None


def _bound_faults(office: Office, release: Release) -> Faults:
    """Refuse bounds on single records where a unit may hold several."""
    problem = "times_prior bounds single records: the office's unit must be record; else give amount"
    by_prior = [index for index, measure in enumerate(release.measures) if _by_prior(measure)]
    return [] if office.unit.kind == "record" else [(("measures", i, "declared_bound"), problem) for i in by_prior]


def faults_between(office: Office, release: Release) -> Faults:
    """Return in what a release's config doesn't fit its office's."""
    faults: Faults = []
    rho = sum(measure.rho for measure in release.measures)
    if rho > office.policy.rho_cap:
        faults.append((("measures",), "the measures' rho add up to more than the office's policy.rho_cap"))
    faults += _tier_faults(office, release) + _bound_faults(office, release)
    if office.unit.kind == "trader-year" and release.source.columns.trader is None:
        faults.append((("source", "columns"), "trader must be mapped: the office's unit is trader-year"))
    if office.unit.kind == "record" and any(m.name is Measure.TRADERS for m in release.measures):
        faults.append((("measures",), "traders can't be counted when the unit is a record"))
    share = next((s for s in office.account.calendar if s.release == release.release), None)
    if share is not None and (share.rho != rho or share.year != release.year):
        faults.append((("measures",), f"the office's calendar gives {release.release} another loss or year"))
    return faults + _engine_faults(office, release) + _source_faults(office, release)


def _engine_faults(office: Office, release: Release) -> Faults:
    """Refuse ids that a database engine would have to put together."""
    source = release.source
    if WORKS_ON.get(office.engine) != source.layout:
        return []
    once = source.columns.declaration if source.duplicates == "count once" else None
    ids = {"trader": source.columns.trader, "declaration": once}
    problem = f"the engine {office.engine} takes it from one column: make one in a view, or let polars read"
    return [
        (("source", "columns", name), problem)
        for name, field in ids.items()
        if isinstance(field, Column) and field.column is None
    ]


def _source_faults(office: Office, release: Release) -> Faults:
    """Return which confidential inputs have no use, or would lie in the place of publication or the state folder."""
    faults: Faults = []
    for name in ("trader_ids", "protected_traders"):
        if office.unit.kind == "record" and getattr(release.source, name) is not None:
            faults.append((("source", name), "has no use when the unit is a record"))
    for name in ("path", "trader_ids", "protected_traders"):
        place = getattr(release.source, name)
        if place is not None and (_overlap(place, office.published) or _overlap(office.state, place)):
            faults.append((("source", name), "must lie outside the place of publication and the state folder"))
    return faults
