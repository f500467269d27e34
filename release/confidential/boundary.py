"""The one way out for errors and output while records are read.

Polars and OpenDP quote raw values in their messages, and a panic in native code writes to the standard error by
itself. Inside `sealed`, both standard streams lead nowhere, and a failure comes out as the step's name alone, without
the exception that it began with.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from release.errors import DataError, MicrodataError, MirrorsError

Result = TypeVar("Result")


def sealed(step: str, work: Callable[[], Result]) -> Result:
    """Return what `work` returns; tell nothing of how it failed but `step`.

    Raises:
        MicrodataError: the work failed; it has no cause, no context and no traceback into the work.
        MirrorsError: a refusal that the work itself worded, which may quote config but never a record.
    """
    refusal: MirrorsError | None = None
    with _silence():
        try:
            return work()
        except (KeyboardInterrupt, SystemExit):
            raise
        except MirrorsError as error:
            refusal = error.with_traceback(None)
        except BaseException:  # noqa: BLE001 - a panic of native code isn't an Exception
            refusal = MicrodataError(step)
    refusal.__context__ = refusal.__cause__ = None
    raise refusal


@contextmanager
def _silence() -> Iterator[None]:
    """Lead file descriptors 1 and 2 nowhere for a while: native code doesn't ask Python where to write."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for descriptor in (*kept, nowhere):
            os.close(descriptor)


__all__ = ["DataError", "sealed"]
