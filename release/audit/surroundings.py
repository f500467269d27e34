"""What surrounds a release: versions with known problems, signatures, and who may read the office's private places."""

from collections.abc import Iterator

from release.audit.evidence import Evidence
from release.audit.findings import AuditFinding, found
from release.audit.rules import bundle_code


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
    """Yield bundles for which no key of the office vouches; nothing where no registry is at hand.

    A signature that is refused is a finding of the bundle's verification already; so is what was altered after signing.
    """
    for bundle in evidence.bundles if evidence.signers_known else ():
        refused = any(bundle_code(one.code).startswith(("signature", "registry")) for one in bundle.findings)
        if not bundle.signed and not refused:
            yield found("signature-missing", bundle.place, "No key that the registry knows vouches for it.")


def private_places_are_closed(evidence: Evidence) -> Iterator[AuditFinding]:
    """Yield private places that others on the machine may read or write."""
    for place in () if evidence.parts is None else evidence.parts.open_places:
        yield found("place-open", place, "Its group or others have rights to it.")
