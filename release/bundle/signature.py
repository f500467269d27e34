"""What a bundle's signature says, held against the bundle and against the registry of offices."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from release.bundle.content import MANIFEST
from release.bundle.findings import Stop
from release.registry.offices import Registry, outdated, refusal
from release.signing.envelope import SIGNATURE, opened
from release.signing.statement import Released, SignedFile, Statement, signed_files


class Standing(StrEnum):
    """Who vouches for a bundle, as far as is known."""

    UNSIGNED = "unsigned"
    UNCHECKED = "unchecked"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """A bundle's signature; the statement is None where there is none.

    Attributes:
        standing: `signed` only where a registry says that the key is the reporter's.
        statement: what is signed.
        signer: the reporter, once the registry has said so.
    """

    standing: Standing
    statement: Statement | None = None
    signer: str | None = None


def released(form: str, plan: Mapping[str, Any], charge: Mapping[str, Any], files: tuple[SignedFile, ...]) -> Released:
    """Return what a bundle's signature says, from the bundle's published plan and charge."""
    return Released(
        form=form,
        reporter=plan["office"]["code"],
        release=plan["release"],
        revision=plan["revision"],
        supersedes=plan.get("supersedes"),
        sequence=charge["sequence"],
        length=charge["head"]["sequence"],
        head=charge["head"]["hash"],
        files=files,
    )


def vouched(envelope: bytes | None, registry: Registry | None) -> Vouched:
    """Return who vouches for what, from the signature's file alone; no other file has been parsed.

    Raises:
        Stop: the signature is wrong, or the registry doesn't admit it.
    """
    if envelope is None:
        return Vouched(standing=Standing.UNSIGNED)
    signed = opened(envelope)
    if signed is None:
        raise Stop("signature", f"{SIGNATURE} holds no right signature of a release in the known format")
    statement = signed.statement
    if registry is None:
        return Vouched(standing=Standing.UNCHECKED, statement=statement)
    known = statement.released.reporter in registry.offices
    refused = refusal(registry, statement) if known else outdated(registry, statement)
    if refused is not None:
        raise Stop(refused.code, refused.message)
    if not known:
        return Vouched(standing=Standing.UNCHECKED, statement=statement)
    return Vouched(standing=Standing.SIGNED, statement=statement, signer=statement.released.reporter)


def hold_to_statement(
    statement: Statement, contents: Mapping[str, bytes], plan: dict[str, Any], charge: dict[str, Any]
) -> None:
    """Refuse a bundle whose files say something else than the statement over them.

    Raises:
        Stop: they do.
    """
    files = signed_files({name: content for name, content in contents.items() if name != SIGNATURE})
    try:
        said = released(statement.released.form, plan, charge, files)
    except (KeyError, TypeError):
        raise Stop("structure", "plan or charge lack what a signature names") from None
    if said != statement.released:
        raise Stop("statement", f"the signature is of another release, office or charge than {MANIFEST} and the files")
