"""R18: noise can't be seeded.

All seeds that a process has are set, and 200 forks draw. A process whose environment could replace the source of
randomness, by a preloaded library or a foreign OpenSSL configuration, is refused before anything is charged.
"""

import ctypes
import json
import os
import random
import shutil
import ssl
import subprocess
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from edited_program import ROOT, Edit, call, edited, mirrors_of
from offices import Place, plan_of, some_lines, write_office

from release.confidential.environment import check_environment
from release.confidential.noise import noisy
from release.errors import EnvironmentRefusedError
from release.plan import PlannedMeasure

Figure = Callable[[str, str], None]

SHIM = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
__attribute__((constructor)) static void hide(void) { unsetenv("LD_PRELOAD"); }
ssize_t getrandom(void *to, size_t length, unsigned flags) { memset(to, 7, length); return length; }
int getentropy(void *to, size_t length) { memset(to, 7, length); return 0; }
int RAND_bytes(unsigned char *to, int length) { memset(to, 7, length); return 1; }
"""


def seed_everything() -> None:
    """Set every seed that the process has."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the old global seed is the point
    ctypes.CDLL(None).srand(0)
    ssl.RAND_add(b"\0" * 64, 0.0)


def draw(measure: PlannedMeasure) -> list[int]:
    """Return noise over no record."""
    zeros = np.zeros(measure.cells, dtype=np.int64)
    return [int(one) for one in noisy(zeros, measure, release="2024", charged=Fraction(measure.rho))]


def forked_draws(folder: str, forks: int) -> int:
    """Return how many distinct noise vectors a process with set seeds and its forks draw, its own one included."""
    measure = plan_of(write_office(Path(folder))).measures[0]
    seed_everything()
    draws = {tuple(draw(measure))}
    for _ in range(forks):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            seed_everything()
            os.write(writing, json.dumps(draw(measure)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            draws.add(tuple(json.loads(pipe.read())))
        os.waitpid(child, 0)
    return len(draws)


@pytest.mark.slow
def test_two_hundred_forks_with_all_seeds_set_draw_distinct_noise(tmp_path: Path, figure: Figure) -> None:
    assert call(ROOT, "test_r18_seeds", "forked_draws", tmp_path, 200) == 201
    figure("R18", "200 forks and their parent, all seeds set: 201 distinct results")


SEEDED = Edit(
    module="confidential/noise.py",
    old="    return np.asarray(answers(mechanism), dtype=np.int64)",
    new="    return vector + np.random.normal(0, 2**24, len(vector)).astype(np.int64)",
)


def test_noise_from_a_generator_that_can_be_seeded_is_caught(tmp_path: Path, figure: Figure) -> None:
    root = edited(tmp_path, SEEDED)
    assert call(root, "test_r18_seeds", "forked_draws", tmp_path / "office", 3) < 4
    figure("R18", "mutant with a generator that can be seeded caught")


def shim(folder: Path) -> Path:
    """Return a library that replaces the sources of randomness and hides its own variable."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    (folder / "shim.c").write_text(SHIM)
    library = folder / "shim.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, folder / "shim.c"], check=True)
    return library


def ended_with(root: Path, place: Place, env: Mapping[str, str]) -> tuple[int, int]:
    """Return the exit code of a run in an environment, and how many charges the ledger has after it."""
    ended = mirrors_of(root, "run", place.release, env=env)
    shown = mirrors_of(root, "ledger", "show", place.folder / "office.toml", "--json")
    return ended.returncode, len(json.loads(shown.stdout)["charges"])


@pytest.mark.slow
def test_a_tampered_environment_is_refused_before_the_charge(tmp_path: Path, figure: Figure) -> None:
    place = write_office(tmp_path, lines=some_lines(20))
    foreign = tmp_path / "openssl.cnf"
    foreign.write_text("openssl_conf = init\n[init]\nrandom = r\n[r]\nseed = none\n")
    tampered = {
        "LD_PRELOAD": shim(tmp_path),
        "LD_AUDIT": tmp_path / "none.so",
        "OPENSSL_CONF": foreign,
        "OPENSSL_MODULES": tmp_path,
        "OPENDP_LIB_DIR": ROOT / ".venv",
        "POLARS_VERBOSE_SENSITIVE": "1",
    }
    codes = [mirrors_of(ROOT, "run", place.release, env={name: str(to)}).returncode for name, to in tampered.items()]
    assert codes == [2] * len(tampered)
    shown = json.loads(mirrors_of(ROOT, "ledger", "show", place.folder / "office.toml", "--json").stdout)
    assert shown["charges"] == []
    assert ended_with(ROOT, place, {}) == (0, 1)
    figure("R18", f"{len(tampered)} tampered environments refused uncharged, a hiding preloaded library among them")


def test_a_preload_file_of_the_system_is_refused(tmp_path: Path) -> None:
    listed = tmp_path / "ld.so.preload"
    check_environment({}, preload_file=listed)
    listed.write_text("\n")
    check_environment({}, preload_file=listed)
    listed.write_text("/lib/shim.so\n")
    with pytest.raises(EnvironmentRefusedError):
        check_environment({}, preload_file=listed)


UNCHECKED = Edit(
    module="confidential/environment.py", old="    if findings:\n        raise", new="    if False:\n        raise"
)


@pytest.mark.slow
def test_a_program_that_charges_in_a_tampered_environment_is_caught(tmp_path: Path, figure: Figure) -> None:
    place = write_office(tmp_path / "office", lines=some_lines(20))
    assert ended_with(edited(tmp_path, UNCHECKED), place, {"LD_PRELOAD": str(shim(tmp_path))})[1] == 1
    figure("R18", "mutant that doesn't check its environment caught")
