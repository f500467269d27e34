"""The server's process: Streamlit with the shipped settings, and the first reading begun before a browser asks for it.

    python -P -m dashboard.serving PORT PLACE... [--root=FILE]

`mirrors dashboard` starts it; what is read and compared is told by `dashboard.reading`.
"""

import sys
import threading
from collections.abc import Sequence

from dashboard.settings import arguments, places_of


def serve(port: int, words: Sequence[str]) -> None:
    """Serve what `settings.words_of` named to this machine, until the process is stopped."""
    from streamlit.web import cli

    threading.Thread(target=_warm, args=(tuple(words),), daemon=True).start()
    sys.argv[0] = "mirrors dashboard"
    cli.main(arguments(words, port))


def _warm(words: tuple[str, ...]) -> None:
    from dashboard import app, reading

    del app  # what the first page needs is imported now
    reading.warm(reading.scene_of(*places_of(words)))


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2:])
