"""R28: the bar has teeth: faults spread over the whole program are planted, and a promise's own test catches each.

The faults stand in `teeth.py`, none of them among the mutants that the promises plant themselves. Each is planted in a
copy of the project, in which the promise's test runs as anyone would run it, and must fail by an assertion of its own.
That takes minutes, so it is done where MIRRORS_TEETH is set, as `make promises` does. Everywhere else it is checked
that each fault can still be planted, and that its test is still there.
"""

import ast
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from edited_program import ROOT, with_fault
from teeth import FAULTS
from whole_copy import failures, whole_copy

PLANTED = bool(os.environ.get("MIRRORS_TEETH"))
HERE = Path(__file__).parent


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_can_be_planted_and_its_test_is_there(name: str) -> None:
    edit, caught_by = FAULTS[name].edit, FAULTS[name].caught_by
    changed = with_fault((ROOT / edit.package / edit.module).read_text(), edit)
    assert ast.unparse(ast.parse(changed)) != ast.unparse(ast.parse((ROOT / edit.package / edit.module).read_text()))
    file, _, test = caught_by.partition("::")
    assert f"def {test.partition('[')[0]}(" in (HERE / file).read_text()


def test_the_faults_are_twenty_or_more_and_spread_over_the_program() -> None:
    assert len(FAULTS) >= 20
    assert len({fault.caught_by[5:8] for fault in FAULTS.values()}) >= 15
    assert len({(fault.edit.package, fault.edit.module) for fault in FAULTS.values()}) >= 15


@pytest.mark.slow
@pytest.mark.skipif(not PLANTED, reason="`make promises` plants the faults; MIRRORS_TEETH=1 does it here")
def test_each_planted_fault_is_caught_by_a_promise(tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    missed = []
    for number, (name, fault) in enumerate(FAULTS.items()):
        folder = tmp_path / str(number)
        if not failures(whole_copy(folder, fault.edit), f"tests/promises/{fault.caught_by}", folder):
            missed.append(name)
    caught = [f"{name} ({fault.caught_by[5:8].upper()})" for name, fault in FAULTS.items() if name not in missed]
    figure("R28", f"{len(caught)} of {len(FAULTS)} caught: {'; '.join(caught)}")
    assert missed == []
