"""Make a golden bundle and its registry: `python tests/golden/make.py FORMAT`, such as 1, into tests/golden/FORMAT.

A golden bundle has to verify for ever. One is made when a format of bundle is new, and never again after it has been
released; its keys are thrown away. tests/test_golden.py holds every golden bundle to its verification.
"""

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from trust_world import make_world, release_files, signed, write_bundle  # noqa: E402


def main(form: str) -> None:
    """Write the bundle and the registry that vouches for it."""
    world = make_world("NLD")
    with tempfile.TemporaryDirectory() as folder:
        files = release_files(Path(folder))
    place = HERE / form
    shutil.rmtree(place, ignore_errors=True)
    write_bundle(place / "bundle", signed(files, world.keys["NLD"], world.registry.version))
    for name, content in world.files.files.items():
        (place / "registry" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "registry" / name).write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1])
