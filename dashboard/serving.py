"""The server's process: Streamlit with the shipped settings, and the first reading begun before a browser asks for it.

    python -P -m dashboard.serving PORT PLACE...

`mirrors dashboard` starts it; what is read and compared is told by `dashboard.reading`.
"""

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from dashboard.settings import arguments


def serve(port: int, places: Sequence[Path]) -> None:
    """Serve what is published at the places to this machine, until the process is stopped."""
    from streamlit.web import cli

    threading.Thread(target=_warm, args=(tuple(places),), daemon=True).start()
    sys.argv[0] = "mirrors dashboard"
    cli.main(arguments(tuple(places), port))


def _warm(places: tuple[Path, ...]) -> None:
    from dashboard import app, reading

    del app  # what the first page needs is imported now
    reading.warm(reading.scene_of(places))


if __name__ == "__main__":
    serve(int(sys.argv[1]), [Path(place) for place in sys.argv[2:]])
