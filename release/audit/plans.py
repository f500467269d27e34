"""What was planned: year and unit, key sets, prior, tiers, policy; and whether the office's config still says so."""

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from release import __version__
from release.accounting import epsilon
from release.amounts import written
from release.audit.evidence import AuditedBundle, Evidence
from release.audit.findings import AuditFinding, found
from release.bundle.methods import methods_in_words
from release.codelists import area_codes, chapter_codes, codelist
from release.config.fields import year_of
from release.ledger.replay import account_states
from release.ledger.values import AccountState
from release.plan import ReleasePlan
from release.privacy import amount_text
from release.tables import RESIDUAL, Tier


def periods_lie_in_the_year(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield plans with a period outside the accounting year that paid."""
    for bundle, plan in plans(evidence):
        year = plan["account"]["year"]
        outside = [period for period in plan["periods"] if year_of(period) != year]
        if outside:
            yield found("year-differs", bundle.place, f"{', '.join(outside)} isn't in {year}, which was charged.")


def keys_are_public(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield plans whose key sets aren't unique codes of the public lists with the residual last."""
    for bundle, plan in plans(evidence):
        for what, known in (("partners", area_codes()), ("chapters", chapter_codes())):
            codes = plan[what]
            if len(set(codes)) < len(codes) or codes[-1] != RESIDUAL or not set(codes[:-1]) <= set(known):
                yield found("keys-invalid", bundle.place, f"Its {what} aren't unique public codes ending with _X.")
        listed = {"headings": plan["chapters"], "subheadings": plan.get("headings", [])}
        for what, above in listed.items():
            codes = plan.get(what, [])
            if len(set(codes)) < len(codes) or not {code[:-2] for code in codes} <= set(above):
                yield found("keys-invalid", bundle.place, f"Its {what} aren't unique codes below listed ones.")
        shipped = {name: codelist(name).digest for name in ("areas", "chapters")}
        other = sorted(name for name, digest in shipped.items() if plan["codelists"].get(name) != digest)
        if other:
            yield found("codelist-unknown", bundle.place, f"The lists of {', '.join(other)} are of another edition.")


def priors_are_public(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield plans whose prior the charge doesn't name, or that may rest on the records it should protect."""
    digests = {bundle.digest: plan["account"] for bundle, plan in plans(evidence)}
    for bundle, plan in plans(evidence):
        prior = plan["prior"]
        named = {} if bundle.documents is None else bundle.documents.charge["public_digests"]
        if (None if prior is None else prior["digest"]) != named.get("prior"):
            yield found("prior-differs", bundle.place, "plan.json and charge.json name different priors.")
        if prior is None:
            continue
        own = digests.get(prior["digest"]) == plan["account"]
        date = "" if bundle.documents is None else bundle.documents.charge["date"]
        if year_of(prior["period"]) >= plan["account"]["year"] and not own:
            yield found("prior-not-public", bundle.place, f"Its prior is of {prior['period']}, in the year it shapes.")
        elif prior["published"] > date:
            said = f"Its prior was published on {prior['published']}, after the charge of {date}."
            yield found("prior-not-public", bundle.place, said)


def tiers_follow_the_policy(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield large-trader tiers that the policy doesn't allow, or whose published ceiling isn't what was charged."""
    for bundle, plan in plans(evidence):
        tiered = [measure for measure in plan["measures"] if measure["large_traders"] is not None]
        policy = "" if bundle.documents is None else bundle.documents.charge["policy"]
        forbidden = evidence.parts is not None and evidence.parts.office.policy.large_traders == "off"
        if tiered and (policy != "large-traders=on" or forbidden):
            said = "It has a tier for large traders, and the office's policy doesn't allow one."
            yield found("tier-not-allowed", bundle.place, said)
        for measure in tiered:
            both = Fraction(measure["rho"]) + Fraction(measure["large_traders"]["rho"])
            if Fraction(measure["large_traders"]["ceiling"]) != both:
                said = f"{measure['measure']}: the ceiling isn't rho {written(both)}, the sum of both tiers."
                yield found("ceiling-differs", bundle.place, said)


def units_agree(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield sources whose accounts protect different units."""
    units: dict[str, set[str]] = {}
    for state in account_states(evidence.chain):
        units.setdefault(state.account.source, set()).add(state.terms.unit)
    for source, named in sorted(units.items()):
        if len(named) > 1:
            yield found("unit-mixed", f"source {source}", f"Its accounts protect {' and '.join(sorted(named))}.")


def deltas_agree(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield a delta that other offices' accounts of the same year don't share."""
    own = {state.account.year: state.terms.delta for state in account_states(evidence.chain)}
    others = {
        (account["year"], account["delta"], account["office"]) for one in evidence.others for account in one.accounts
    }
    for year, delta, office in sorted(others):
        if year in own and Fraction(delta) != own[year]:
            said = f"{evidence.office} has delta {written(own[year])}, {office} {written(Fraction(delta))}."
            yield found("delta-unequal", f"year {year}", said)


def config_gives_the_plans(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield releases whose config, as it is today, isn't the plan that was charged."""
    parts = evidence.parts
    if parts is None:
        return
    for charge in evidence.charges:
        plan = parts.plans.get(charge.request.release)
        if plan is None or charge.request.account.tier != Tier.UNIFORM:
            continue
        if plan.digest != charge.request.plan_digest:
            said = f"The config beside office.toml gives another plan than was charged{_changed(evidence, plan)}."
            yield found("config-differs", f"release {charge.request.release}", said)
    for bundle, _ in plans(evidence):
        plan = parts.plans.get(bundle.release)
        if plan is None or bundle.documents is None:
            continue
        if plan.digest == bundle.documents.charge["plan_digest"]:
            words = methods_in_words(plan, epsilon(plan.rho, plan.office.account.delta)).encode()
            wrote = bundle.documents.charge["versions"].get("noisy-mirrors")
            if bundle.contents["methods.md"] != words and wrote == __version__:
                yield found("methods-differ", bundle.place, "methods.md isn't what this plan's words are.")
            elif bundle.contents["methods.md"] != words:
                said = f"methods.md isn't what version {__version__} would write; version {wrote} wrote it."
                yield found("methods-unchecked", bundle.place, said)


def _changed(evidence: Evidence, plan: ReleasePlan) -> str:
    """Return in words which parts of a plan aren't those of its published bundle; nothing where none can be read."""
    published = next((told for bundle, told in plans(evidence) if bundle.release == plan.release.release), None)
    if published is None:
        return ""
    today = json.loads(plan.document)
    names = sorted(name for name in {*today, *published} if today.get(name) != published.get(name))
    told = (f"{name.replace('_', ' ')} ({_short(published.get(name), today.get(name))})" for name in names)
    return f", in {'; '.join(told)}" if names else ""


def _short(charged: Any, today: Any) -> str:
    """Return two values, where they are short enough to be read."""
    was, now = (json.dumps(one, ensure_ascii=False) for one in (charged, today))
    return (
        f"{was} was charged, {now} is there today" if max(len(was), len(now)) <= _READABLE else "long; compare the two"
    )


_READABLE = 60
"""Values of so many characters are told in a finding."""


def _term(value: object) -> str:
    return amount_text(value) if isinstance(value, Fraction) else str(value)


def config_keeps_the_terms(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield how the office's config differs from its accounts: terms, calendar, the largest loss a release may ask."""
    if evidence.parts is None:
        return
    office = evidence.parts.office
    latest: dict[tuple[str, str], AccountState] = {}
    for state in account_states(evidence.chain):
        latest[state.account.source, state.account.tier] = state
    for state in latest.values():
        large = state.account.tier == Tier.LARGE_TRADER
        asked = {
            "unit": office.unit.kind,
            "delta": office.account.delta,
            "limit": office.account.large_traders if large else office.account.limit,
            "reserve": Fraction(0) if large else office.account.reserve,
        }
        other = [name for name, term in asked.items() if term is not None and getattr(state.terms, name) != term]
        if other:
            told = (f"{name}: {_term(asked[name])} and {_term(getattr(state.terms, name))}" for name in other)
            said = f"office.toml and the account differ in {'; '.join(told)}."
            yield found("terms-differ", str(state.account), said)
        shares = tuple((one.release, one.rho) for one in office.account.calendar if one.year == state.account.year)
        if shares and not large and shares != tuple((one.release, one.rho) for one in state.planned):
            yield found("calendar-differs", str(state.account), "office.toml and the ledger hold different calendars.")
    for charge in evidence.charges:
        if charge.request.account.tier == Tier.UNIFORM and charge.request.rho > office.policy.rho_cap:
            said = f"It was charged rho {written(charge.request.rho)}; the policy allows"
            where = f"release {charge.request.release}"
            yield found("over-policy-cap", where, f"{said} {written(office.policy.rho_cap)}.")


def deltas_are_small(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield releases whose delta is above one in a hundred times the traders that the config publicly assumes."""
    if evidence.parts is None:
        return
    delta = evidence.parts.office.account.delta
    for release in evidence.parts.releases:
        if delta * 100 * release.assumption.traders > 1:
            said = f"Delta {written(delta)} with {release.assumption.traders:,} traders assumed."
            yield found("delta-large", f"release {release.release}", said)


def plans(evidence: Evidence) -> Iterator[tuple[AuditedBundle, dict[str, Any]]]:
    """Yield the bundles whose plans have the format's form, with their plans."""
    for bundle in evidence.bundles:
        if bundle.documents is not None and not any(one.code == "structure" for one in bundle.findings):
            yield bundle, bundle.documents.plan
