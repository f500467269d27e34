"""`mirrors verify`: whether bundles are what they say, and who vouches for them."""

from pathlib import Path
from typing import Any

import typer

from release.bundle.signature import Standing
from release.bundle.verification import Verification
from release.bundle.verification import verify as verify_bundle
from release.cli.places import found
from release.cli.printing import print_json


def verify(bundles: list[Path], *, as_json: bool) -> None:
    """Check that bundles are whole, consistent and unaltered; exits 6 when one isn't."""
    results = [verify_bundle(place) for place in found(bundles)]
    if as_json:
        print_json({"bundles": [_document(result) for result in results]})
    else:
        for result in results:
            _print(result)
    if not all(result.valid for result in results):
        raise typer.Exit(6)


def _document(result: Verification) -> dict[str, Any]:
    statement = result.vouched.statement
    return {
        "bundle": result.bundle,
        "valid": result.valid,
        "signed": result.signed,
        "signer": result.signer,
        "signature": result.vouched.standing,
        "keyid": None if statement is None else statement.key.keyid,
        "reporter": result.reporter,
        "findings": [{"code": finding.code, "message": finding.message} for finding in result.findings],
        "notes": [{"code": note.code, "message": note.message} for note in result.notes],
    }


def _print(result: Verification) -> None:
    typer.echo(f"{result.bundle}: {f'valid ({_signature(result)})' if result.valid else 'NOT VALID'}")
    for one in (*result.findings, *result.notes):
        typer.echo(f"  {one.code}: {one.message}")


def _signature(result: Verification) -> str:
    statement = result.vouched.statement
    if statement is None:
        return "unsigned: nobody vouches for it"
    if result.vouched.standing is Standing.SIGNED:
        return f"signed by {result.signer}"
    return (
        f"signed with the key {statement.key.keyid[:16]}…, by whom is unchecked:"
        f" only a registry of offices (--registry) tells whether that is {result.reporter}"
    )
