"""All checks of an audit, in the order in which a report tells them; each is a function of the evidence alone."""

from collections.abc import Callable, Iterator

from release.audit import chain, figures, overlaps, plans, publications, surroundings
from release.audit.evidence import Evidence
from release.audit.findings import AuditFinding, found
from release.errors import MirrorsError

Check = Callable[[Evidence], Iterator[AuditFinding]]

CHECKS: tuple[Check, ...] = (
    chain.chain_is_whole,
    chain.database_is_sound,
    chain.heads_stand_in_it,
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
    figures.noise_is_plausible,
    overlaps.sources_are_apart,
    surroundings.versions_have_no_known_problem,
    surroundings.bundles_are_signed,
    surroundings.private_places_are_closed,
)


def audit(evidence: Evidence) -> tuple[AuditFinding, ...]:
    """Return everything that the checks find, each thing once."""
    return tuple(dict.fromkeys(finding for check in CHECKS for finding in _findings(check, evidence)))


def _findings(check: Check, evidence: Evidence) -> tuple[AuditFinding, ...]:
    """Return what a check finds; one that can't read what a stranger wrote says so instead of stopping the audit."""
    try:
        return tuple(check(evidence))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, MirrorsError):
        name = check.__name__.replace("_", " ")
        return (found("not-examined", evidence.office, f"Whether {name} couldn't be told from what was found."),)
