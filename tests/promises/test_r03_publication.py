"""R03, at publication: full disk, quota, read-only disk, I/O error: refused, nothing half published, nothing lost.

Each operation on the disk of storing a noisy result and of publishing its bundle fails once or from then on, with each
error; then the disk is well again and the same is asked again. The mutant writes a bundle's files into their place.
"""

import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from disk import Disk, campaign

from release.bundle.content import BundleContent
from release.bundle.folder import bundle_place, holds, publish, replace_file
from release.measurement import store

ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
CONTENT = BundleContent(files={f"file-{number}.json": bytes([65 + number]) * 5000 for number in range(4)})
NOISY = b"noisy" * 2000
STATEMENT = b"{}" * 3000


def in_place(content: BundleContent, place: Path) -> Path:
    """The mutant: files appear under their names one by one."""
    place.mkdir(parents=True, exist_ok=True)
    for name, held in content.files.items():
        (place / name).write_bytes(held)
    return place


WAYS = {"ours": publish, "in place": in_place}


def publication(folder: Path, way: str) -> None:
    """Store the noisy result, publish the bundle, renew the statement: what a run does after its noise is drawn."""
    store(folder / "state", "2024-abc", NOISY)
    WAYS[way](CONTENT, bundle_place(folder, "NLD", "2024"))
    replace_file(folder / "NLD.statement.json", STATEMENT)


def faulty_publications(root: Path, way: str) -> dict[str, int]:
    """Return what came of publications during which the disk failed."""
    disk = Disk(root)
    disk.fail(0, 0, 0)
    publication(root / "well", way)
    steps = disk.count()
    tally = {"faults": 0, "refused": 0, "half": 0, "not mended": 0, "other": 0, "steps": steps}
    for error in ERRORS:
        for times in (1, 10**6):
            for step in range(1, steps + 1):
                one_fault(root / f"fault-{tally['faults']}", way, disk, (step, times, error), tally)
    return tally


def one_fault(folder: Path, way: str, disk: Disk, fault: tuple[int, int, int], tally: dict[str, int]) -> None:
    """Publish while the disk fails, look at what can be seen, and publish again on a well disk."""
    tally["faults"] += 1
    disk.fail(*fault)
    try:
        publication(folder, way)
    except OSError:
        tally["refused"] += 1
    except Exception:  # noqa: BLE001 - anything but a refusal is what this counts
        tally["other"] += 1
    disk.fail(0, 0, 0)
    tally["half"] += half_published(folder)
    publication(folder, way)
    whole = holds(bundle_place(folder, "NLD", "2024"), CONTENT)
    tally["not mended"] += not (whole and (folder / "state" / "2024-abc.parquet").read_bytes() == NOISY)


def half_published(folder: Path) -> bool:
    """Decide whether something stands under its name that isn't whole."""
    place = bundle_place(folder, "NLD", "2024")
    result, statement = folder / "state" / "2024-abc.parquet", folder / "NLD.statement.json"
    broken = (result.exists() and result.read_bytes() != NOISY) or (
        statement.exists() and statement.read_bytes() != STATEMENT
    )
    return broken or (place.exists() and not holds(place, CONTENT))


@pytest.mark.slow
def test_a_publication_on_a_failing_disk_is_whole_or_not_there_and_goes_on_afterwards(
    disk: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    seen = campaign(__file__, tmp_path, "ours", library=disk)
    assert (seen["half"], seen["not mended"], seen["other"]) == (0, 0, 0)
    assert seen["refused"] > seen["faults"] / 2
    figure(
        "R03",
        f"publication: {seen['faults']} faults at {seen['steps']} steps, {seen['refused']} refused, 0 half published",
    )


@pytest.mark.slow
def test_a_bundle_written_into_its_place_is_caught(
    disk: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    seen = campaign(__file__, tmp_path, "in place", library=disk)
    assert seen["half"] > 0
    figure("R03", f"mutant that writes a bundle into its place caught: {seen['half']} half published")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(faulty_publications(Path(sys.argv[1]), sys.argv[2])))
