"""The one way out for errors and output while records are read.

Polars and OpenDP quote raw values in their messages, and a panic in native code writes to the standard error by
itself. Inside `sealed`, both standard streams lead nowhere, and a failure comes out as the step's name alone, without
the exception that it began with. `guarded` stands around what this package offers: a refusal that passes it carries no
traceback, so that nothing that prints the variables of a traceback finds any there.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import ParamSpec, TypeVar

from release.errors import MicrodataError, MirrorsError

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

_STANDARD_STREAMS = (0, 1, 2)


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
            refusal = error
        except BaseException:  # noqa: BLE001 - a panic of native code isn't an Exception
            refusal = MicrodataError(step)
    del work
    raise bare(refusal)


def guarded(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return the function with refusals, and interruptions, that come out of it bare."""

    @wraps(function)
    def outermost(*args: Arguments.args, **named: Arguments.kwargs) -> Result:
        stop: BaseException
        try:
            return function(*args, **named)
        except (MirrorsError, KeyboardInterrupt, SystemExit) as error:
            stop = error
        except BaseException:  # noqa: BLE001 - whatever it is, it isn't told
            stop = MicrodataError("work on records")
        del args, named
        raise bare(stop)

    return outermost


Stop = TypeVar("Stop", bound=BaseException)


def bare(stop: Stop) -> Stop:
    """Return an exception without its cause, context and traceback."""
    stop.__context__ = stop.__cause__ = None
    return stop.with_traceback(None)


@contextmanager
def _silence() -> Iterator[None]:
    """Lead file descriptors 1 and 2 nowhere for a while: native code doesn't ask Python where to write."""
    _open_missing_streams()
    _flush()
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        _flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for descriptor in (*kept, nowhere):
            os.close(descriptor)


def _open_missing_streams() -> None:
    """Lead standard streams that the process was started without nowhere: no file of ours may take their numbers."""
    for descriptor in _STANDARD_STREAMS:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
