"""Every bundle that was found: whether it is what it says, what its ledger says, what changed; and what was refused."""

import streamlit as st

from dashboard import figures, histories, markup, names
from dashboard.histories import History, Recorded
from dashboard.sources import Refused, Trusted, release_of
from dashboard.views.page import Page, has_bundles, heading
from release.bundle.signature import Standing
from release.bundle.verification import Bundle
from release.privacy import parse_rho
from release.wording import count, exact, unit_warning

_WHAT_TO_DO = (
    "A refused bundle or statement isn't what it says it is: it was changed, cut short, or written by a version that"
    " this one doesn't know. Nothing of it is used. Fetch it again from its office; if it is refused again, tell them."
)


def show(page: Page) -> None:
    """Write the page."""
    heading("What was published, and can it be believed?", page)
    found = page.published
    if found.refused:
        _refused(found.refused)
    if not has_bundles(page):
        return
    told = histories.histories(found)
    _lead(told)
    if found.trusted is not None:
        _believed(found.trusted)
    _table(told)
    for history in told:
        _details(history, found.trusted)


def _lead(told: tuple[History, ...]) -> None:
    confirmed = sum(one.recorded is Recorded.YES for one in told)
    whole = f"{count(len(told))} {'bundle is' if len(told) == 1 else 'bundles are'} whole and consistent"
    ledger = f"{count(confirmed)} {'is' if confirmed == 1 else 'are'} recorded in the office's ledger"
    st.html(markup.paragraph(f"{whole}; {ledger}. {_vouched(told)}", "lead"))
    st.html(
        markup.paragraph(
            "Whole means that every file is the one that the bundle lists, every cell of its plan is there, and the"
            " measured figures are those of its noisy result. Without a signature by a key that a registry of offices"
            " names, anyone could have written such a bundle.",
            "quiet",
        )
    )


def _believed(trusted: Trusted) -> None:
    """Write which registry said whose keys these are, and what made it believed."""
    known = trusted.known
    rows = [
        ("Registry of offices", f"version {known.registry.version}, to be renewed by {known.registry.expires}"),
        ("Found at", str(trusted.place)),
        ("SHA-256 of its first root", known.first_root),
        ("Why it is believed", _reason(trusted)),
    ]
    st.html(markup.table("Who says whose key it is", ("", ""), rows))


def _reason(trusted: Trusted) -> str:
    if trusted.root is not None:
        return f"its first root is the one in {trusted.root}, which you named with --root"
    return (
        "it was taken at its word. Compare the SHA-256 above with the one that the registry's keepers give you by"
        " another way, or start the dashboard with --root and their file"
    )


def _vouched(told: tuple[History, ...]) -> str:
    """Return how many bundles somebody known vouches for, in words."""
    signed = sum(one.bundle.vouched.standing is Standing.SIGNED for one in told)
    if signed == len(told):
        return "All are signed by the keys that the registry of offices names."
    if signed:
        return f"{count(signed)} of them are signed by the keys that the registry of offices names."
    if any(one.bundle.vouched.standing is Standing.UNCHECKED for one in told):
        return "Who signed them is unchecked, so nobody known vouches for them: no registry of offices was named."
    return "None is signed, so nobody vouches for them yet."


_SIGNATURES = {Standing.SIGNED: "by the office", Standing.UNCHECKED: "by whom is unchecked", Standing.UNSIGNED: "none"}


def _signature(bundle: Bundle) -> str:
    """Return who signed, with the beginning of the key as `mirrors registry verify` shows it."""
    statement = bundle.vouched.statement
    told = _SIGNATURES[bundle.vouched.standing]
    return told if statement is None else f"{told}, key {statement.key.keyid[:16]}…"


def _table(told: tuple[History, ...]) -> None:
    columns = (
        "Office",
        "Release",
        "Title",
        "Charged on",
        "Costs rho",
        "Figures",
        "Ledger",
        "Signature",
        "Replaced by",
    )
    rows = [
        (
            names.office(str(one.bundle.plan["office"]["code"])),
            release_of(one.bundle),
            str(one.bundle.plan["title"]),
            str(one.bundle.charge["date"]),
            figures.rho(parse_rho(one.bundle.plan["rho"])),
            count(len(one.bundle.observations)),
            one.recorded.value,
            _signature(one.bundle),
            one.superseded_by or figures.NONE,
        )
        for one in told
    ]
    st.html(markup.table("Bundles by office", columns, rows, numbers=("Costs rho", "Figures"), short=("Charged on",)))


def _signer(bundle: Bundle, trusted: Trusted | None) -> tuple[tuple[str, str], ...]:
    """Return the whole key that signed, and what the registry says of it."""
    statement = bundle.vouched.statement
    if statement is None:
        return (("Signed", "by nobody"),)
    key = f"{statement.key.keyid} (ed25519 {statement.key.public})"
    offices = {} if trusted is None else trusted.known.registry.offices
    office = offices.get(str(bundle.plan["office"]["code"]))
    entry = None if office is None else office.key(statement.key.keyid)
    if entry is None:
        return (("Signed by the key", key), ("Whose key that is", "unchecked: no registry that was named says so"))
    ended = "" if entry.until_date is None else f", {entry.state} on {entry.until_date}; this release was kept"
    said = (
        f"that of {office.reporter}, {office.name}, in the registry since {entry.since_date}{ended}" if office else ""
    )
    return (("Signed by the key", key), ("Whose key that is", said))


def _details(history: History, trusted: Trusted | None) -> None:
    bundle = history.bundle
    versions = bundle.charge.get("versions")
    made = [f"{name} {version}" for name, version in versions.items()] if isinstance(versions, dict) else []
    rows = [
        ("Office", str(bundle.plan["office"]["name"])),
        ("Large traders", _large(bundle)),
        ("What changed from the last release", "; ".join(history.changes)),
        ("Made with", ", ".join(made) or "not stated"),
        ("Unit of protection", f"{bundle.plan['unit']['kind']}: {bundle.plan['unit'].get('formed_by', 'not stated')}"),
        (
            "What that protects",
            unit_warning(str(bundle.plan["unit"]["kind"])) or "all of a trader's records of the year",
        ),
        *_signer(bundle, trusted),
        ("Digest of the bundle", bundle.digest),
        ("Found at", bundle.place),
    ]
    # The label is Markdown to Streamlit, so it holds no word of the bundle's own.
    place = _ordinal(history)
    with st.expander(place):
        st.html(markup.table("About this bundle", ("", ""), rows))


def _large(bundle: Bundle) -> str:
    """Return whether the release has a tier for large traders, and its loss."""
    tier = bundle.charge.get("large_traders")
    if not isinstance(tier, dict):
        return "scaled down to the bound; what that took off isn't released"
    rho = exact(str(tier.get("rho")))
    return f"what the bound took off is released as well, at rho {rho}: no useful protection for them"


def _ordinal(history: History) -> str:
    code, release = str(history.bundle.plan["office"]["code"]), release_of(history.bundle)
    plain = f"{code} {release}"
    return plain if plain.replace(" ", "").replace("-", "").isalnum() else f"Bundle {history.bundle.digest[:12]}"


def _refused(refused: tuple[Refused, ...]) -> None:
    st.subheader("Refused", anchor=False)
    st.html(markup.paragraph(_WHAT_TO_DO))
    rows = [(one.place, "; ".join(one.reasons)) for one in refused]
    st.html(markup.table("What was found and isn't used", ("Place", "Why"), rows))
