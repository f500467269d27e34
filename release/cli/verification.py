"""`mirrors verify`: whether bundles are what they say, and who vouches for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from release.bundle.memory import Memory, held_against, remembering
from release.bundle.memory_file import read_memory, write_memory
from release.bundle.placing import gone, with_places
from release.bundle.signature import Standing
from release.bundle.verification import Verification
from release.bundle.verification import verify as verify_bundle
from release.cli.places import Place, found
from release.cli.printing import print_json, say
from release.cli.registry_printing import day
from release.errors import UsageError
from release.registry.metadata import Believed
from release.registry.reading import read_registry, today


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the command line says to trust.

    Attributes:
        registry: the folder of the registry of offices.
        root: a file of its root that was had by another way.
        as_of: the ISO date that the registry may not have expired on; today by default.
        state: the file of what was seen before.
    """

    registry: Path | None = None
    root: Path | None = None
    as_of: str | None = None
    state: Path | None = None


def believed_registry(trust: Trust, memory: Memory) -> Believed | None:
    """Return the registry that the command line names, or None.

    Raises:
        RegistryRefusedError: it can't be believed.
    """
    if trust.registry is None:
        if trust.root is not None or trust.as_of is not None:
            raise UsageError("--root and --as-of go with --registry; nothing was verified.")
        return None
    when = today() if trust.as_of is None else day(trust.as_of)
    known = read_registry(trust.registry, day=when, root=trust.root, seen=memory.registry)
    if trust.root is None:
        say(f"the registry was taken at its word; its first root is sha256:{known.first_root} (pin it with --root)")
    return known


def verify(bundles: Sequence[Place], trust: Trust, *, as_json: bool) -> None:
    """Check that bundles are whole, consistent, unaltered and vouched for; exits 6 when one isn't.

    So it does where a registry was named and doesn't name a bundle's office: what was asked for isn't known.
    """
    memory = Memory() if trust.state is None else read_memory(trust.state)
    known = believed_registry(trust, memory)
    registry = None if known is None else known.registry
    places = found(bundles)
    results = held_against(memory, (verify_bundle(place, registry) for place in places))
    results = with_places(results, map(str, bundles))
    missing = () if {*map(str, places)} <= {*map(str, bundles)} else gone(memory, results)
    if as_json:
        print_json({"bundles": [_document(result) for result in results], "gone": list(missing)})
    else:
        for result in results:
            _print(result)
        for one in missing:
            typer.echo(f"gone: {one} was seen before and isn't here now; ask its office for it")
    if trust.state is not None:
        write_memory(trust.state, remembering(memory, results, None if known is None else known.seen))
    if not all(result.valid and not _unknown(result) for result in results):
        raise typer.Exit(6)


def _unknown(result: Verification) -> bool:
    """Whether a registry was named, and nobody that it knows vouches for the bundle."""
    return any(note.code == "not in the registry" for note in result.notes)


def _document(result: Verification) -> dict[str, Any]:
    statement = result.vouched.statement
    return {
        "bundle": result.bundle,
        "valid": result.valid,
        "signed": result.signed,
        "signer": result.signer,
        "signature": result.vouched.standing,
        "keyid": None if statement is None else statement.key.keyid,
        "reporter": None if result.identity is None else result.identity.reporter,
        "findings": [{"code": finding.code, "message": finding.message} for finding in result.findings],
        "notes": [{"code": note.code, "message": note.message} for note in result.notes],
    }


def _print(result: Verification) -> None:
    typer.echo(f"{result.bundle}: {f'valid ({signature(result)})' if result.valid else 'NOT VALID'}")
    for one in (*result.findings, *result.notes):
        typer.echo(f"  {one.code}: {one.message}")


def signature(result: Verification) -> str:
    """Return who vouches for a valid bundle, in words."""
    statement = result.vouched.statement
    if _unknown(result):
        return "whole and consistent, but nobody that the registry names vouches for it"
    if statement is None:
        return "unsigned: nobody vouches for it"
    if result.vouched.standing is Standing.SIGNED:
        return f"signed by {result.signer}"
    return (
        f"signed with the key {statement.key.keyid[:16]}…, by whom is unchecked:"
        f" only a registry of offices (--registry) tells whether that is {statement.released.reporter}"
    )
