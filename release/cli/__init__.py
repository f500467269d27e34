"""The command line: it wires the parts together, prints results, and is the one place where errors become exit codes.

Results go to the standard output, progress and messages to the standard error; `--json` prints one JSON object and
nothing else.
"""

import sys

from release.cli.app import app
from release.errors import MirrorsError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    try:
        app(standalone_mode=True)
    except MirrorsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is the command line
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        place = "" if error.filename is None else f" ({error.filename})"
        print(  # noqa: T201
            f"The system refused{place}: {error.strerror or 'input or output failed'}. Nothing that was acknowledged"
            " is lost; mend it and run again.",
            file=sys.stderr,
        )
        sys.exit(4)
