"""An office's records as a run sees them: something that can be digested, checked, and measured under a charge.

The straight line through this package: hold the files or the table, digest them, check their columns; and, once
charged, read rows, prepare lines, sum a trader's leaves, clip, add noise.
"""

from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from release.confidential import journal, preparation
from release.confidential.boundary import guarded, sealed
from release.confidential.engine import Vectors
from release.confidential.environment import check_environment, forbid_dumps, started_with
from release.confidential.holding import HeldFiles, HeldRecords, HeldRows
from release.confidential.inspection import Finding
from release.confidential.mapping import ProtectedTraders, TraderIds, read_protected_traders, read_trader_ids
from release.confidential.noise import noisy
from release.confidential.rules import NO_IDS, Ids
from release.confidential.secret import keyed_digest, office_secret
from release.config.office import Engine, SparkPlace
from release.config.source import Source
from release.errors import ConfidentialPriorError, LossNotCoveredError, SourceChangedError, SourceMissingError
from release.ledger.values import Charge
from release.measurement import Key, Measurement
from release.plan import PlannedMeasure, ReleasePlan
from release.tables import Tier

SOURCE = "source"
"""The name under which a charge holds the keyed digest of the records."""

SPILLED = "spilled"
"""The folder in the office's private one for lines that don't fit in memory."""

TRADER_IDS = "trader-ids"
"""The name under which it holds that of the office's table of trader ids."""

PROTECTED = "protected-traders"
"""The name under which it holds that of the office's list of traders who asked for protection."""


class Records:
    """The source at `place`, or in the table that it names; nothing is opened before the first question.

    `trader_ids` is where the office's table of ids is, `protected` its list of traders who asked for protection, when
    the config names them.
    """

    def __init__(
        self,
        *,
        place: Path | None,
        source: Source,
        state: Path,
        trader_ids: Path | None = None,
        protected: Path | None = None,
        engine: Engine = "polars",
        spark: SparkPlace = SparkPlace(),  # noqa: B008 - a value that nothing can change
    ) -> None:
        self._place = place
        self._engine = engine
        self._spark = spark
        self._trader_ids = trader_ids
        self._protected = protected
        self._source = source
        self._state = state

    @guarded
    def keyed_digests(self, plan: ReleasePlan) -> tuple[tuple[str, str], ...]:
        """Return keyed digests of the source's bytes and the table of ids, after checking this process and their form.

        The way from rows to vectors is rehearsed on no rows, so that a config that can't work is refused uncharged.

        Raises:
            EnvironmentRefusedError: the noise or the memory of this process could be tampered with.
            SourceMissingError: there is no such file.
            DatabaseError: the database that holds the table can't be reached.
            SchemaError: a mapped column is missing, or a file can't be read.
            ConfidentialPriorError: the prior is one of these files.
            MicrodataError: the rehearsal failed.
        """
        check_environment(started_with())
        forbid_dumps()
        digests = self._keyed(plan)
        self._refuse_own_records(plan)
        sealed("rehearsal without rows", lambda: self._vectors(plan, rows=0))
        journal.note(self._state, "source checked", {"files": self._held.parts})
        return digests

    @guarded
    def measure(self, plan: ReleasePlan, charges: tuple[Charge, ...]) -> Measurement:
        """Return the noisy result of a plan whose tiers were charged; the only function that interprets records.

        Raises:
            EnvironmentRefusedError: as above.
            LossNotCoveredError: the charge names another plan or other scales, or less loss than OpenDP's map states.
            SourceChangedError: the records aren't those that the charge names.
            MicrodataError: reading failed.
        """
        check_environment(started_with())
        _check_charges(plan, charges)
        keyed = sorted(self._keyed(plan))
        if any(sorted(charge.request.keyed_digests) != keyed for charge in charges):
            raise SourceChangedError(plan.release.release)
        journal.note(self._state, "reading records")
        asked = () if self._requests is None else self._requests.traders
        vectors = sealed("measure", lambda: self._vectors(plan, protected=asked))
        if not self._held.unchanged(self._digest):
            raise SourceChangedError(plan.release.release)
        self._held.close()
        journal.note(self._state, "records read")
        released = sealed("noise", lambda: _released(plan, charges, vectors))
        journal.note(self._state, "noise drawn")
        return _measurement(plan, charges[0], released)

    def close(self) -> None:
        """Let go of a table, whose transaction others may wait for."""
        self._held.close()

    @guarded
    def reasons(self, plan: ReleasePlan) -> preparation.Reasons:
        """Return how many rows each rule touches: confidential, for `mirrors source check` alone."""
        forbid_dumps()
        self._digest  # noqa: B018 - schema first
        found = sealed("check", lambda: preparation.reasons(self._held.frames(plan), plan, self._ids))
        journal.note(self._state, "source check", asdict(found))
        return found

    def _vectors(self, plan: ReleasePlan, *, rows: int | None = None, protected: tuple[str, ...] = ()) -> Vectors:
        """Return the integers before noise, by the engine that the office chose."""
        return self._held.vectors(plan, self._ids, rows=rows, protected=protected, folder=self._state / SPILLED)

    @guarded
    def findings(self, plan: ReleasePlan) -> tuple[Finding, ...]:
        """Return what is wrong with the files as a whole: confidential, for `mirrors source check` alone."""
        forbid_dumps()
        self._digest  # noqa: B018 - schema first
        return sealed("findings", lambda: self._held.findings(plan, self._state / SPILLED))

    def _keyed(self, plan: ReleasePlan) -> tuple[tuple[str, str], ...]:
        contents = [(SOURCE, self._digest)]
        if self._table is not None:
            contents.append((TRADER_IDS, self._table.content_digest))
        if self._requests is not None:
            contents.append((PROTECTED, self._requests.content_digest))
        secret = sealed("secret", lambda: office_secret(self._state))
        release = plan.release.release
        return tuple((name, keyed_digest(secret, digest, purpose=f"{release}/{name}")) for name, digest in contents)

    @cached_property
    def _held(self) -> HeldRecords:
        if self._source.layout == "table":
            return HeldRows(self._source, self._engine)
        place = self._place
        if place is None:
            raise SourceMissingError("the path in the config, which names none")
        return HeldFiles(place, self._source, self._engine, self._spark)

    @cached_property
    def _digest(self) -> bytes:
        self._held.check()
        return self._held.digest()

    def _refuse_own_records(self, plan: ReleasePlan) -> None:
        """Refuse a prior that is one of the confidential files, by whatever path, link or copy it is named."""
        tables = (self._table, self._requests)
        held = {digest.hex() for digest in self._held.file_digests()}
        held |= {table.content_digest.hex() for table in tables if table is not None}
        if plan.prior is not None and plan.prior.digest in held:
            raise ConfidentialPriorError(plan.release.release)

    @cached_property
    def _table(self) -> TraderIds | None:
        if self._source.trader_ids is None:
            return None
        place = self._trader_ids
        if place is None:
            raise SourceMissingError(f"{self._source.trader_ids}, the table of trader ids that the config names")
        return sealed("trader ids", lambda: read_trader_ids(place))

    @cached_property
    def _requests(self) -> ProtectedTraders | None:
        if self._source.protected_traders is None:
            return None
        place = self._protected
        if place is None:
            raise SourceMissingError(f"{self._source.protected_traders}, the list of traders who asked for protection")
        return sealed("protected traders", lambda: read_protected_traders(place, self._ids))

    @property
    def _ids(self) -> Ids:
        return NO_IDS if self._table is None else (self._table.aliases, self._table.traders)


def _check_charges(plan: ReleasePlan, charges: tuple[Charge, ...]) -> None:
    """Refuse charges that don't pay for exactly the plan's tiers, measures, sensitivities and scales."""
    release = plan.release.release
    if any(charge.request.plan_digest != plan.digest or charge.request.release != release for charge in charges):
        raise LossNotCoveredError(release, "it names another plan")
    paid = {
        (charge.request.account.tier, loss.measure): (loss.sensitivity, loss.scales_digest, loss.rho)
        for charge in charges
        for loss in charge.request.measures
    }
    asked = {
        (str(tier), str(measure.measure)): (measure.bound, measure.scales_digest, measure.rho)
        for tier, measure in _measured(plan)
    }
    if paid != asked:
        raise LossNotCoveredError(release, "it names another sensitivity, scale or loss")


def _measured(plan: ReleasePlan) -> Iterator[tuple[Tier, PlannedMeasure]]:
    """Yield everything that noise is drawn for, with its tier."""
    for measure in plan.measures:
        yield Tier.UNIFORM, measure
        if measure.excess is not None:
            yield Tier.LARGE_TRADER, measure.excess


def _released(plan: ReleasePlan, charges: tuple[Charge, ...], vectors: Vectors) -> Vectors:
    """Return every vector with noise of its own; no draw serves two tiers or measures."""
    charged = {
        (charge.request.account.tier, loss.measure): loss.rho for charge in charges for loss in charge.request.measures
    }
    return {
        (tier, measure.measure): noisy(
            vectors[tier, measure.measure],
            measure,
            release=plan.release.release,
            charged=charged[tier, measure.measure],
        )
        for tier, measure in _measured(plan)
    }


def _measurement(plan: ReleasePlan, charge: Charge, released: Vectors) -> Measurement:
    noise: dict[Tier, dict[Key, NDArray[np.int64]]] = {tier: {} for tier in Tier}
    weights: dict[Tier, dict[Key, NDArray[np.float64]]] = {tier: {} for tier in Tier}
    for tier, measure in _measured(plan):
        ends = np.cumsum([level.cells for level in measure.levels])[:-1]
        for level, part in zip(measure.levels, np.split(released[tier, measure.measure], ends), strict=True):
            noise[tier][measure.measure, level.level] = part
            weights[tier][measure.measure, level.level] = level.weights
    return Measurement(
        plan_digest=plan.digest,
        charge_hash=charge.entry_hash,
        noisy=noise[Tier.UNIFORM],
        weights=weights[Tier.UNIFORM],
        excess=noise[Tier.LARGE_TRADER],
        excess_weights=weights[Tier.LARGE_TRADER],
    )
