"""`mirrors verify`: whether bundles are what they say."""

from pathlib import Path
from typing import Any

import typer

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
    return {
        "bundle": result.bundle,
        "valid": result.valid,
        "signed": result.signed,
        "signer": result.signer,
        "findings": [{"code": finding.code, "message": finding.message} for finding in result.findings],
    }


def _print(result: Verification) -> None:
    signature = f"signed by {result.signer}" if result.signed else "unsigned: nobody vouches for it"
    typer.echo(f"{result.bundle}: {'valid' if result.valid else 'NOT VALID'} ({signature})")
    for finding in result.findings:
        typer.echo(f"  {finding.code}: {finding.message}")
