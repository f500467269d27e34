"""`mirrors audit`: what is gathered for an audit, and where its report goes. The checks are in `release.audit`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from release.audit import checks, gathering
from release.audit.evidence import Evidence, OfficeParts, statement_of
from release.audit.problems import known_problems
from release.audit.report import report_document
from release.bundle.folder import statement_place
from release.bundle.heads import heads_kept
from release.bundle.memory import Memory
from release.cli import wiring
from release.cli.audit_printing import show
from release.cli.places import folders
from release.cli.printing import print_json, say
from release.cli.verification import Trust, believed_registry
from release.config import Office, Release, load_office
from release.errors import BundleError, ConfigError, UsageError
from release.ledger.guard import KnownHead
from release.ledger.ports import Store
from release.ledger.replay import replay
from release.ledger.statement import Statement
from release.ledger.witness import FileWitness
from release.plan import ReleasePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is audited: an office by its config, or a published statement; and where bundles and earlier heads are."""

    office: Path | None = None
    statement: Path | None = None
    bundles: Path | None = None
    heads: Path | None = None
    registry: Path | None = None
    root: Path | None = None


def run(asked: Asked, out: Path | None, *, as_json: bool) -> None:
    """Audit an office, tell what was found, and write the report below `out`; exits 1 on a finding."""
    if (asked.office is None) == (asked.statement is None):
        raise UsageError("Name an OFFICE.toml, or a published statement with --statement; nothing was audited.")
    evidence = own_evidence(asked.office, asked) if asked.office is not None else _published(asked)
    findings = checks.audit(evidence)
    document = report_document(evidence, findings)
    if out is not None:
        from release.audit.rendering import write_report

        for file in write_report(document, out):
            say(f"wrote {file}")
    if as_json:
        print_json(document)
    else:
        show(document, out)
    if findings:
        raise typer.Exit(1)


def attack(config: Path | None, out: Path | None, *, as_json: bool) -> None:
    """Attack the plan of a release, or the plans of an office, with invented traders."""
    if config is None:
        raise UsageError("--noise needs an OFFICE.toml or a RELEASE.toml; nothing was drawn.")
    from release.cli import noise_audits

    noise_audits.run(config, out, as_json=as_json)


def own_evidence(file: Path, asked: Asked) -> Evidence:
    """Return an office's evidence: its ledger and config, and the bundles at its place of publication."""
    from release.ledger.sql import open_store

    office, folder = load_office(file), file.parent
    location = wiring.published_folder(office, folder, asked.bundles)
    store = open_store(wiring.ledger_url(office, folder))
    with store.reading() as chain:
        statement = statement_of(tuple(chain.entries()))
    parts = _parts(office, file, location, store)
    return _evidence(office.code, statement, location, asked, parts)


def _parts(office: Office, file: Path, location: Path, store: Store) -> OfficeParts:
    state = wiring.state_folder(office, file.parent)
    witness = FileWitness(state / "ledger.witness")
    seen = witness.head()
    releases = wiring.releases_beside(file)
    beside = statement_place(location, office.code)
    private = (state, state / "secret", state / "measurements", *wiring.ledger_files(office, file.parent))
    return OfficeParts(
        office=office,
        releases=releases,
        plans={plan.release.release: plan for plan in _plans(office, releases, file.parent, location)},
        store=store.inspect(),
        witness=None if seen is None else KnownHead(head=seen, origin="The witness"),
        published=gathering.statement_in(beside) if beside.exists() else None,
        stored=gathering.stored_results(state),
        signatures=gathering.stored_signatures(state),
        open_places=gathering.open_places(private),
    )


def _plans(office: Office, releases: tuple[Release, ...], folder: Path, location: Path) -> Iterator[ReleasePlan]:
    for release in releases:
        try:
            yield wiring.planned(office, release, folder, location)
        except (ConfigError, BundleError):
            say(f"the plan of release {release.release} can't be made from its config today; it isn't compared")


def _published(asked: Asked) -> Evidence:
    """Return an outsider's evidence: a statement and bundles, and nothing else."""
    if asked.statement is None or asked.bundles is None:
        raise UsageError("--statement needs --bundles, the place where the office's bundles are; nothing was audited.")
    statement = gathering.statement_in(asked.statement)
    offices = sorted({str(account.get("office")) for account in statement.accounts})
    if len(offices) != 1:
        raise UsageError(f"{asked.statement} is of {len(offices)} offices; a statement is of one. Nothing was audited.")
    return _evidence(offices[0], statement, asked.bundles, asked, None)


def _evidence(office: str, statement: Statement, location: Path, asked: Asked, parts: OfficeParts | None) -> Evidence:
    if not location.is_dir():
        where = "" if parts is None else " Name the place where the office's bundles are with --bundles."
        raise UsageError(f"There is no folder {location}; nothing was audited.{where}")
    known = believed_registry(Trust(registry=asked.registry, root=asked.root), Memory())
    registry = None if known is None else known.registry
    places = [place for place in folders([location]) if place != location or parts is None]
    every = gathering.bundles_at(places, registry)
    bundles = tuple(one for one in every if one.office == office)
    own = {str(account.get("office")) for account in statement.accounts}
    others = gathering.statements_at(location)
    named = next((one.documents.plan["office"]["name"] for one in bundles if one.documents is not None), office)
    earlier = () if asked.heads is None else heads_kept(asked.heads, office)
    return Evidence(
        office=office,
        name=str(named) if parts is None else parts.office.name,
        statement=statement,
        chain=replay(statement.entries),
        bundles=bundles,
        foreign=tuple(one for one in every if one.office != office and Path(one.place).parent.name == office),
        problems=known_problems().problems,
        others=tuple(one for one in others if own.isdisjoint(str(account.get("office")) for account in one.accounts)),
        heads=tuple(KnownHead(head=head, origin=f"The head kept in {file}") for file, head in earlier),
        parts=parts,
        signers_known=registry is not None,
    )
