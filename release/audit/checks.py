"""All checks of an audit, in the order in which a report tells them; each is a function of the evidence alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from release.audit import chain, figures, kept, overlaps, plans, publications, scatter, surroundings
from release.audit.evidence import Evidence
from release.audit.findings import AuditFinding, found
from release.errors import MirrorsError

Check = Callable[[Evidence], Iterator[AuditFinding]]

CHECKS: tuple[Check, ...] = (
    chain.chain_is_whole,
    chain.database_is_sound,
    chain.heads_stand_in_it,
    kept.witness_is_there,
    kept.kept_things_were_paid_for,
    chain.published_statement_is_that_of_the_ledger,
    chain.losses_cover_their_noise,
    publications.bundles_are_whole,
    publications.bundles_are_charged,
    publications.charges_are_published,
    publications.results_are_published_once,
    publications.results_are_fresh,
    publications.epsilons_cover_their_loss,
    plans.periods_lie_in_the_year,
    plans.units_agree,
    plans.deltas_agree,
    plans.deltas_are_small,
    plans.keys_are_public,
    plans.priors_are_public,
    plans.tiers_follow_the_policy,
    plans.config_gives_the_plans,
    plans.config_keeps_the_terms,
    figures.figures_follow_from_measurements,
    scatter.noise_is_plausible,
    overlaps.sources_are_apart,
    surroundings.versions_have_no_known_problem,
    surroundings.bundles_are_signed,
    surroundings.private_places_are_closed,
)


_OF_BUNDLES: frozenset[Check] = frozenset(
    {
        publications.bundles_are_whole,
        publications.bundles_are_charged,
        publications.epsilons_cover_their_loss,
        figures.figures_follow_from_measurements,
        scatter.noise_is_plausible,
        surroundings.bundles_are_signed,
    }
)
INSIDE: frozenset[Check] = frozenset(
    {
        chain.database_is_sound,
        kept.witness_is_there,
        kept.kept_things_were_paid_for,
        chain.published_statement_is_that_of_the_ledger,
        plans.tiers_follow_the_policy,
        plans.config_gives_the_plans,
        plans.config_keeps_the_terms,
        surroundings.private_places_are_closed,
    }
)
"""Checks of what only the office has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a check came to; `unexamined` says why it couldn't be made, None where it was."""

    check: str
    findings: tuple[AuditFinding, ...]
    unexamined: str | None = None


def audit(evidence: Evidence) -> tuple[AuditFinding, ...]:
    """Return everything that the checks find, each thing once."""
    return tuple(dict.fromkeys(finding for answer in answers(evidence) for finding in answer.findings))


@lru_cache(maxsize=1)
def answers(evidence: Evidence) -> tuple[Answer, ...]:
    """Return what each check came to, in order."""
    return tuple(
        Answer(check=_name(check), findings=_findings(check, evidence), unexamined=_unexamined(check, evidence))
        for check in CHECKS
    )


def _unexamined(check: Check, evidence: Evidence) -> str | None:
    if check in INSIDE and evidence.parts is None:
        return "only the office has what it needs"
    if check is surroundings.bundles_are_signed and not evidence.signers_known:
        return "no registry of keys was given"
    if check in _OF_BUNDLES and not evidence.bundles:
        return "no bundle was found"
    return None


def _name(check: Check) -> str:
    return check.__name__.replace("_", " ")


def _findings(check: Check, evidence: Evidence) -> tuple[AuditFinding, ...]:
    """Return what a check finds; one that can't read what a stranger wrote says so instead of stopping the audit."""
    try:
        return tuple(check(evidence))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, MirrorsError):
        return (
            found("not-examined", evidence.office, f"Whether {_name(check)} couldn't be told from what was found."),
        )
