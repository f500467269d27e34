"""What `office.toml` says: who the office is, its privacy unit and limits, and the sheet that a mirror needs."""

from dataclasses import field
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic.dataclasses import dataclass

from release.config.fields import (
    STRICT,
    Alpha2,
    Alpha3,
    Delta,
    Factor,
    InnerPath,
    Name,
    PolicyRho,
    Rho,
    RhoOrNothing,
    Text,
    Year,
    inner_path,
)
from release.privacy import RHO_CAP

Valuation = Literal["FOB", "FAS", "CIF", "unknown"]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=64)]
Engine = Literal["polars", "duckdb", "postgres", "spark"]
SparkMaster = Annotated[
    str,
    StringConstraints(pattern=r"^(local(\[([0-9]+|\*)\])?|yarn|(spark|k8s)://[A-Za-z0-9.:/,_\[\]-]+)$", max_length=500),
]
MemorySize = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,5}[mg]$")]
Attribution = Literal["origin", "consignment", "last known destination", "sale or purchase", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Unit:
    """What one unit of protection is, and how it is formed from records.

    Attributes:
        kind: `trader-year` protects all of a trader's records in a calendar year; `record` protects a single row and
            no firm, and is for public exercises.
        formed_by: in words, how a record's unit is known.
    """

    kind: Literal["trader-year", "record"]
    formed_by: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PlannedShare:
    """A release of the calendar and the loss that it will be charged when it runs."""

    release: Name
    year: Year
    rho: Rho


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AccountTerms:
    """The limit of each (source, accounting year) account, its delta and the part kept for revisions.

    Attributes:
        limit: of the uniform account, in rho.
        large_traders: limit of the large-trader account, in rho; needed where the policy turns that tier on.
    """

    limit: Rho
    delta: Delta
    reserve: RhoOrNothing = Fraction(0)
    large_traders: PolicyRho | None = None
    calendar: Annotated[tuple[PlannedShare, ...], Field(max_length=1000)] = ()


def _ledger_url(text: str) -> str:
    if text.startswith("postgresql+psycopg://"):
        return text
    if not text.startswith("sqlite:///") or text.startswith("sqlite:////") or ".." in text or len(text) > 300:  # noqa: PLR2004
        raise ValueError(
            'a ledger is "sqlite:///state/ledger.sqlite", relative to this folder, or "postgresql+psycopg://..."'
        )
    inner_path(text.removeprefix("sqlite:///"))
    return text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class LedgerPlace:
    """Where the ledger is.

    Attributes:
        url: SQLite inside the config's folder, or PostgreSQL.
        on_missing: `refuse`, or `create` for exercises: an empty ledger in place of a lost one forgets what was spent.
    """

    url: Annotated[str, AfterValidator(_ledger_url)]
    on_missing: Literal["refuse", "create"] = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Signing:
    """How the office signs what it publishes; without this table bundles are unsigned.

    Attributes:
        key: the encrypted private key, made by `mirrors keys new`.
        passphrase_file: a file of mode 0600 with the passphrase; for exercises, and where nobody is there to ask.
        passphrase_variable: a variable of the environment with the passphrase. With neither, it is asked for.
        registry: a copy of the registry of offices; a run is refused before its charge when the registry doesn't let
            the key sign. `--registry` names one elsewhere.
    """

    key: InnerPath = "keys/signing.pem"
    passphrase_file: InnerPath | None = None
    passphrase_variable: VariableName | None = None
    registry: InnerPath | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Policy:
    """The office's own bounds.

    Attributes:
        large_traders: whether the large-trader tier may be used. Large traders then have less protection, by a
            published rule; protecting traders on request (passive confidentiality) is the usual reason.
        rho_cap: no release may ask for more than this.
    """

    large_traders: Literal["on", "off"] = "off"
    rho_cap: Rho = RHO_CAP


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Valuations:
    """The price basis of each flow: a property of office and flow."""

    M: Valuation = "unknown"
    X: Valuation = "unknown"
    RM: Valuation = "unknown"
    RX: Valuation = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Attributions:
    """Which country a flow's partner is."""

    M: Attribution = "unknown"
    X: Attribution = "unknown"
    RM: Attribution = "unknown"
    RX: Attribution = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class MetadataSheet:
    """What someone who compares this office's figures with a partner's must know; published in every bundle."""

    trade_system: Literal["general", "special", "unknown"]
    valuation: Valuations
    partner: Attributions
    re_exports: Text
    thresholds: Text
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    usd_per_unit: Factor
    rate_source: Text
    confidentiality: Text
    hs_edition: Literal["HS 2007", "HS 2012", "HS 2017", "HS 2022"]
    territory: Text
    date_basis: Text
    vintage: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Withheld:
    """A release that was charged and isn't shown at the place of publication, with the reason that audits tell."""

    release: Name
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class SparkPlace:
    """Where the engine `spark` works. What else a cluster asks for is in the Spark configuration that it comes with.

    Attributes:
        master: as Spark writes it: `local[*]` is this machine with all its cores; `spark://host:7077`, `yarn` or
            `k8s://https://host:443` a cluster, whose machines see the files under the same paths.
        driver_memory: what Java may take on this machine, as Spark writes it.
    """

    master: SparkMaster = "local[*]"
    driver_memory: MemorySize = "2g"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Office:
    """An office's whole configuration.

    Attributes:
        code: ISO 3166 alpha-3, by which the office is known as a reporter.
        name: as it stands in what is published.
        area: ISO 3166 alpha-2 of the reporter.
        unit: what one unit of protection is; an account keeps its unit for ever.
        account: what may be spent in a year.
        ledger: where the budget is kept.
        metadata: what partners must know to compare; published in every bundle.
        policy: the office's own bounds.
        signing: how the office signs; without it bundles are unsigned.
        engine: what sums up records: `polars`, in this process; `duckdb` for Parquet, where CSV and tables stay with
            polars; `postgres`, the database that holds a table, which then gives out each cell's sum alone; `spark` for
            Parquet too, on this machine or a cluster.
        spark: where the engine `spark` works.
        state: private folder for the secret, stored noisy results and the private log; never published.
        published: where bundles go, unless the command line names another place.
        withheld: releases whose bundles an audit shouldn't look for there, and why.
    """

    code: Alpha3
    name: Text
    area: Alpha2
    unit: Unit
    account: AccountTerms
    ledger: LedgerPlace
    metadata: MetadataSheet
    policy: Policy = field(default_factory=Policy)
    signing: Signing | None = None
    engine: Engine = "polars"
    spark: SparkPlace = field(default_factory=SparkPlace)
    state: InnerPath = "state"
    published: InnerPath = "published"
    withheld: Annotated[tuple[Withheld, ...], Field(max_length=1000)] = ()
