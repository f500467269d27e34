"""Every code that an audit may report: how grave it is, why it matters, what to do. Promised: a code keeps its meaning.

The codes `ledger-*` are those of the ledger's own audit, `bundle-*` those of a bundle's verification.
"""

from dataclasses import dataclass

from release.ledger.findings import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What goes with a code."""

    severity: Severity
    why: str
    remedy: str


def _error(why: str, remedy: str) -> Rule:
    return Rule(severity=Severity.ERROR, why=why, remedy=remedy)


def _warning(why: str, remedy: str) -> Rule:
    return Rule(severity=Severity.WARNING, why=why, remedy=remedy)


_STOP = "Stop releasing, keep the ledger as it is, and find out who changed it."
_ASK = "Ask the office for the ledger's backup and for an explanation; believe no total until then."
_WITHDRAW = "Withdraw the bundle, and publish again the bytes that the ledger names."
_FORGED = "Don't use this copy; get the bundle from the office again and compare its digest with the ledger's."

_LEDGER = {
    "ledger-chain": _error("The chain is what makes past charges unchangeable; here it is broken.", _STOP),
    "ledger-body": _error("An entry that this program can't have written was put into the ledger.", _STOP),
    "ledger-account": _error("An account's terms are fixed by its first entry, and only once.", _STOP),
    "ledger-standing": _error("An account's sums aren't those of its charges, so the spent loss is misstated.", _STOP),
    "ledger-limit": _error(
        "More was committed than the office promised as its limit, or a limit was lowered.",
        "Stop releasing from this account; tell the public what was spent; raise the limit with a reason, or don't.",
    ),
    "ledger-terms": _error("One account has one unit, delta and limit; sums of unlike losses mean nothing.", _STOP),
    "ledger-release": _error("A release was charged twice, or with other inputs for its two tiers.", _STOP),
    "ledger-state": _error(
        "A charge has at most one noisy result and one publication; a second one leaks more.", _STOP
    ),
    "ledger-store": _error("The database itself is damaged.", "Restore the latest backup, and audit again."),
    "ledger-rights": _warning(
        "Whoever runs releases could also change entries; only triggers hold them back.",
        "Let runs connect as a role that may read and add, and nothing else (docs/ledger.md).",
    ),
    "ledger-head": _error(
        "A head is what others keep, to hold it against the ledger later; this one fits nothing.", _ASK
    ),
    "ledger-accounts": _error(
        "Most people read the accounts and don't add the entries up: they are told another loss.", _ASK
    ),
    "ledger-charges": _error(
        "Most people read the charges and not the entries: they are told other releases or losses.", _ASK
    ),
    "rolled-back": _error(
        "The ledger once was longer: charges that were published are missing from it, and their loss with them.",
        "Restore the ledger's latest backup. Until then nothing may be released.",
    ),
    "head-differs": _error(
        "The ledger's past was rewritten after this head was published, or the bundle names a forged head.", _ASK
    ),
    "witness-behind": _warning(
        "A witness that lags can't notice that the latest entries are taken away.",
        "See why it can't be written (disk, rights); the next run writes it.",
    ),
    "witness-missing": _error(
        "Only the witness notices a ledger that was set back together with everything published; `run` refuses to go on"
        " without it.",
        "Find out who took it away, and restore it. If it is lost, hold the ledger against every published bundle and"
        " every head that others kept (--heads) before a new witness is made (docs/ledger.md).",
    ),
    "result-unpaid": _error(
        "A noisy result was drawn whose charge is gone: the ledger was set back or exchanged, and a loss with it.",
        "Stop releasing, restore the ledger's latest backup, and find out who set it back.",
    ),
    "signature-unpaid": _error(
        "A release was signed whose charge is gone: the ledger was set back or exchanged, and a loss with it.",
        "Stop releasing, restore the ledger's latest backup, and find out who set it back.",
    ),
    "statement-differs": _error("What the office tells the public isn't what its ledger holds.", _STOP),
    "statement-missing": _warning(
        "Without the statement nobody outside can follow the ledger beyond each bundle's own charge.",
        "Publish it: `mirrors ledger statement OFFICE.toml`, as OFFICE.statement.json beside the bundles.",
    ),
    "statement-behind": _warning(
        "The public can't see the latest entries, such as a raised limit.",
        "Publish the ledger's statement anew: `mirrors ledger statement OFFICE.toml`.",
    ),
}

_CHARGES = {
    "loss-not-covered": _error(
        "The noise at this sensitivity costs more than was charged: the guarantee is weaker than stated.",
        "Tell the public the true loss; charge the difference by raising what is spent; mend the program that did it.",
    ),
    "epsilon-understated": _error(
        "The published epsilon is smaller than what OpenDP states of this loss.", "Publish the right epsilon."
    ),
    "charge-missing": _error(
        "Something was published that nobody charged: its loss is in no account.",
        "Charge it now, tell the public, and find out how it could be released.",
    ),
    "charge-differs": _error("The public reads another charge in the bundle than the ledger holds.", _WITHDRAW),
    "plan-differs": _error("What was released isn't the plan that was charged.", _WITHDRAW),
    "prior-differs": _error(
        "The noise was shaped by a prior that the charge doesn't name; a prior that isn't public leaks records.",
        "Show which prior was used; if it wasn't public, the guarantee is void and has to be withdrawn.",
    ),
    "bundle-missing": _error(
        "A published release can't be examined, and its loss buys nothing that can be seen.",
        "Put the bundle back, name the place where it is (--bundles), or explain it under [[withheld]] in office.toml.",
    ),
    "bundle-differs": _error("The bundle isn't the one whose digest the ledger holds.", _FORGED),
    "measurement-differs": _error(
        "The noisy result isn't the one that the ledger recorded; a second draw would leak more than was charged.",
        "Restore the recorded result; if another was ever published, tell the public the doubled loss.",
    ),
    "second-result": _error(
        "Two noisy results of one charge exist: their average has less noise, and the loss is twice what was charged.",
        "Withdraw both, tell the public the doubled loss, and find out how the second was drawn.",
    ),
    "result-reused": _error(
        "Two charges have the same noisy integers: one of them wasn't drawn afresh.",
        "Find out which draw was used twice; noise that is shared can be subtracted.",
    ),
    "not-recorded": _error(
        "A bundle is public whose publication or result the ledger doesn't record.",
        "Run the release again: it records what is published, and costs nothing.",
    ),
    "not-published": _warning(
        "A noisy result was drawn and paid for, and nobody can examine it.",
        "Run the release again to publish it, or explain it under [[withheld]] in office.toml.",
    ),
}

_PLANS = {
    "config-differs": _warning(
        "The config in use doesn't give the plan that was charged; running it again would be refused.",
        "See what was changed since, config, prior or program; give a changed release a name of its own.",
    ),
    "terms-differ": _warning(
        "The config's unit, delta, limit or reserve isn't the account's, so the next charge is refused.",
        "Put the account's terms into office.toml, or raise the limit by `mirrors ledger raise`.",
    ),
    "calendar-differs": _warning(
        "The ledger holds another calendar than the config, so shares may be promised twice or not at all.",
        "Run the next release, which declares the config's calendar, or put the ledger's into office.toml.",
    ),
    "over-policy-cap": _error(
        "The release costs more than the office's own policy allows.",
        "Change the policy openly, or don't release so.",
    ),
    "methods-differ": _error("The words in the bundle don't say what the plan does.", _WITHDRAW),
    "methods-unchecked": _warning(
        "Versions word the same plan differently, so these words can't be told from altered ones.",
        "Audit the bundle with the version that wrote it.",
    ),
    "delta-large": _warning(
        "Delta should be far below one in the number of traders, else a few may be exposed outright.",
        "Use a smaller delta for the next accounting year.",
    ),
    "delta-unequal": _warning(
        "Offices that are compared state epsilon at different delta, so the two can't be read side by side.",
        "Agree on one delta; rho can be compared as it is.",
    ),
    "year-differs": _error(
        "A period lies outside the accounting year that was charged: another year's budget should have paid.",
        "Tell the public; charge the year concerned.",
    ),
    "unit-mixed": _warning(
        "Accounts of one source protect different units; their losses can't be added or compared.",
        "State for each release which unit it protects; use one unit from the next year on.",
    ),
    "account-split": _warning(
        "Two accounts of one year publish the same cells: if they rest on the same records, the losses add up.",
        "Show that the sources have no record in common, or keep one account for both.",
    ),
    "keys-invalid": _error(
        "A key list with repeated or unknown codes, or without the residual, can reveal which cells are empty.",
        "Withdraw the release, and publish it with a list from the public codelists under a new charge.",
    ),
    "codelist-unknown": _warning(
        "The key sets were taken from another edition of the codelists than the auditor has.",
        "Audit with the version of the program that made the release, or compare the lists by hand.",
    ),
    "prior-not-public": _error(
        "The prior meets the accounting year, or was published after the charge: it may tell what it should protect.",
        "Show that the prior was public and earlier; otherwise withdraw the guarantee.",
    ),
    "tier-not-allowed": _error(
        "Large traders lost protection although the office's policy doesn't allow the tier.",
        "Tell the traders concerned; change the policy openly, or stop using the tier.",
    ),
    "ceiling-differs": _error(
        "The published ceiling isn't what both tiers were charged, so traders compute a wrong loss.", _WITHDRAW
    ),
}

_FIGURES = {
    "estimate-differs": _error("Published estimates don't follow from the noisy measurements beside them.", _WITHDRAW),
    "interval-differs": _error("Published intervals are wider or narrower than the noise makes them.", _WITHDRAW),
    "exposure-differs": _error(
        "The bound on what clipping took off isn't the plan's; verdicts that rest on it are wrong.", _WITHDRAW
    ),
    "display-differs": _error("The figures for showing aren't the estimates, rounded to the noise.", _WITHDRAW),
    "noise-implausible": _error(
        "Sums of noisy cells disagree with their noisy totals far less or more than the stated noise makes likely:"
        " the noise isn't what was charged.",
        "Stop releasing. Run `mirrors audit --noise`, and find out how these figures were drawn.",
    ),
    "known-problem": _error(
        "A release was made by a version with a known problem.",
        "Read what the list says of it, and whether it concerns this release.",
    ),
    "not-examined": _error(
        "A file hasn't the form that its format promises, so a check could say nothing.",
        "See the other findings first; audit again with the version of the program that made the release.",
    ),
    "place-open": _warning(
        "Others on the machine could read what has to stay private, or replace it.",
        "Take their rights away: chmod 700 for folders, 600 for files.",
    ),
}

_SIGNATURES = {
    "signature-missing": _error(
        "The registry knows this office's keys, and the bundle isn't signed: anyone could have made it.",
        "Get the signed bundle from the office.",
    ),
    "signature-wrong": _error(
        "The signature isn't one that this office's keys made, or the registry doesn't let its key vouch for it.",
        _FORGED,
    ),
    "registry-older": _warning(
        "The registry at hand is older than the one that the bundle was signed under.", "Get the registry anew."
    ),
}

_NOISE = {
    "noise-loss": _error(
        "An attack on the real pipeline learns more than the claimed loss allows.",
        "Stop releasing at once; the release's guarantee is broken.",
    ),
    "noise-idle": _warning(
        "The attack shows nothing: its invented records don't count under this config, as real ones may not.",
        "Run `mirrors source check` on a file of records, and see how many of them count.",
    ),
    "noise-scale": _error(
        "The noise that is drawn isn't as wide as the plan says, is shared between cells, or repeats.",
        "Stop releasing at once; look at the machine's OpenDP and its randomness.",
    ),
    "noise-sensitivity": _error(
        "One trader moves the figures before noise by more than was charged.",
        "Stop releasing at once; the clip is broken.",
    ),
}

_BUNDLES = {
    f"bundle-{code}": _error(why, _FORGED)
    for code, why in {
        "damaged": "The bundle isn't whole, or not what its manifest lists; nothing in it can be believed.",
        "manifest": "The manifest isn't the one that these files have.",
        "plan": "Manifest, charge and plan name different plans.",
        "metadata": "The sheet that mirrors rest on isn't the plan's.",
        "head": "Manifest and charge name different heads of the ledger.",
        "charge": "The charge in the bundle doesn't pay for its plan.",
        "columns": "The table hasn't the columns of the format.",
        "csv": "The two published tables hold different figures.",
        "cells": "The cells aren't those of the plan: whether a cell is shown could depend on records.",
        "numbers": "A figure isn't a number.",
        "measurement": "The noisy result in the bundle was drawn for another plan or charge.",
        "scales": "The noise in the bundle isn't as wide as the plan says.",
        "measured": "The published measurements aren't the noisy result.",
        "unit": "A row names another unit than its measure has, so figures would be misread by a factor.",
        "sdmx": "The SDMX messages say something else than the table.",
        "ledger": "The statement in the bundle isn't one that ends with this release's charge.",
        "page": "The page in the bundle could run or fetch something.",
        "structure": "Plan, charge or table lack what the format promises.",
    }.items()
}

RULES = {**_LEDGER, **_CHARGES, **_PLANS, **_FIGURES, **_SIGNATURES, **_NOISE, **_BUNDLES}

_SIGNED = {"unsigned": "signature-missing", "registry older": "registry-older"}
_SIGNED |= dict.fromkeys(("signature", "statement", "office unknown"), "signature-wrong")


_AUDITOR = {
    "bundle": "Don't use this copy. Get the bundle by another way, and hold its digest against the ledger's.",
    "signature": "Don't use this copy. Get it from the office by another way, and ask who signed.",
    "figures": "Use the measurements alone, if they verify, and ask the office for the right figures.",
    "ledger": "Keep what you have, ask the office for the ledger's backup, and believe no total until then.",
    "warning": "Ask the office about it. By itself this breaks nothing that was promised.",
    "else": "Ask the office to explain it in writing, and rely on nothing that rests on it until then.",
}


def auditors_advice(code: str) -> str:
    """Return what someone outside the office can do about a finding."""
    kind = "else"
    if RULES[code].severity is Severity.WARNING:
        kind = "warning"
    elif code in _FIGURES and code.endswith("-differs"):
        kind = "figures"
    elif code in _LEDGER:
        kind = "ledger"
    elif code in _BUNDLES or code == "bundle-differs":
        kind = "bundle"
    elif code in _SIGNATURES:
        kind = "signature"
    return _AUDITOR[kind]


def bundle_code(code: str) -> str:
    """Return the audit's code for one of a bundle's verification; what isn't told apart is damage."""
    if code in _SIGNED or code.startswith("key "):
        return _SIGNED.get(code, "signature-wrong")
    code = "sdmx" if code.startswith("sdmx") else code
    return f"bundle-{code}" if f"bundle-{code}" in RULES else "bundle-damaged"
