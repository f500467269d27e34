"""Whether an office's statement may be renewed: only ever by one that goes on from what is there. A rule over values.

A statement is the one published file that changes, so it is the one that could be rolled back: an older copy of a
ledger's statement, or that of another ledger, is never put in place of a newer one.
"""

from release.bundle.bounds import LARGEST_LEDGER, document
from release.bundle.findings import Stop
from release.errors import BundleRefusedError, DamagedLedgerError, PublishedOtherwiseError
from release.ledger.entries import EMPTY, Head, head_of
from release.ledger.statement import Statement, read_statement, verify_statement


def renews(ours: bytes, there: bytes | None, *, place: str, head: Head) -> bool:
    """Return whether a statement is to be put at a place; not when what is there says the same, or goes further.

    Args:
        ours: the statement's bytes.
        there: what is at the place.
        place: in words.
        head: of the ledger, as the bundle that is published with it names it.

    Raises:
        BundleRefusedError: the statement isn't whole, or isn't that of the bundle's ledger.
        PublishedOtherwiseError: what is there is that of another ledger, or isn't whole.
    """
    statement = _read(ours, (head,))
    if isinstance(statement, str):
        raise BundleRefusedError("and the statement beside it", [statement])
    if there is None:
        return True
    known = _read(there)
    if isinstance(known, str):
        raise PublishedOtherwiseError(place, known)
    if _holds(known, statement.head):
        return False
    if not _holds(statement, known.head):
        raise PublishedOtherwiseError(place, "it is the statement of another ledger, or of a fork of this one")
    return True


def _read(content: bytes, heads: tuple[Head, ...] = ()) -> Statement | str:
    """Return a whole statement that holds these heads, or why it isn't one."""
    try:
        statement = read_statement(document(content, "the statement", most=LARGEST_LEDGER))
    except (Stop, DamagedLedgerError):
        return "it isn't a ledger's statement of this format"
    for finding in verify_statement(statement, heads):
        return f"the statement isn't whole: {finding.message}"
    return statement


def _holds(statement: Statement, head: Head) -> bool:
    return head in {EMPTY, *(head_of(entry) for entry in statement.entries)}
