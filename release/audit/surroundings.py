"""What surrounds a release: versions with known problems, signatures, and who may read the office's private places."""

from collections.abc import Iterator

from release.audit.evidence import Evidence
from release.audit.findings import AuditFinding, found


def versions_have_no_known_problem(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield charges made by a version that the shipped list names, where the problem concerns releases."""
    told = set()
    for charge in evidence.charges:
        for package, version in charge.request.versions:
            for problem in evidence.problems:
                key = (charge.request.release, package, problem.problem)
                if problem.package != package or not problem.has(version) or problem.concerns != "releases":
                    continue
                if key not in told:
                    told.add(key)
                    said = f"{package} {version}: {problem.problem} ({problem.source}.)"
                    yield found("known-problem", f"release {charge.request.release}", said)


def bundles_are_signed(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield bundles that the office's registered keys don't vouch for; nothing where no registry is at hand."""
    if not evidence.signers_known:
        return
    for bundle in evidence.bundles:
        if not bundle.signed:
            yield found("signature-missing", bundle.place, "It isn't signed.")
        elif bundle.signer is None:
            yield found("signature-wrong", bundle.place, "Nobody whom the registry knows signed it.")


def private_places_are_closed(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield private places that others on the machine may read or write."""
    for place in () if evidence.parts is None else evidence.parts.open_places:
        yield found("place-open", place, "Its group or others have rights to it.")
