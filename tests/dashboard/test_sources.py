"""What is found below a location, what is refused, and that nothing unchanged is read twice."""

import json
import shutil
from pathlib import Path

import pytest
from published_world import World, write_release, write_world

from dashboard.sources import Place, Refused, bundle_at, published_at, statement_at
from release.ledger.book import Book
from release.ledger.memory import MemoryStore


def test_bundles_and_statements_are_found_at_any_depth_and_hidden_ones_left_out(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world, tmp_path / "deep" / "down")
    shutil.copytree(world / "NLD" / "2024", tmp_path / ".hidden" / "NLD")
    found = published_at([tmp_path])
    assert found.offices == ("GBR", "ITA", "NLD", "USA")
    assert len(found.bundles) == len(found.statements) == 4
    assert not found.refused


def test_a_location_that_does_not_exist_is_told(tmp_path: Path) -> None:
    (refused,) = published_at([tmp_path / "nowhere"]).refused
    assert refused.reasons == ("there is nothing here",)


def test_the_same_bundle_twice_is_one_bundle(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world, tmp_path / "copy")
    found = published_at([world, tmp_path])
    assert len(found.bundles) == 4
    assert not found.refused


def test_two_bundles_of_one_name_with_other_figures_are_both_refused(tmp_path: Path) -> None:
    write_world(World(offices=("NLD",)), tmp_path / "one")
    write_world(World(offices=("NLD",), seed=2), tmp_path / "other")
    found = published_at([tmp_path])
    assert not found.bundles
    told = [one for one in found.refused if "another bundle says that it is NLD 2024" in one.reasons[0]]
    assert len(told) == 2


def test_a_file_that_has_not_changed_is_asked_for_with_the_same_stamp(tmp_path: Path) -> None:
    place = write_world(World(offices=("NLD",)), tmp_path)
    seen: list[Place] = []

    def read(one: Place) -> Refused:
        seen.append(one)
        return Refused(place=str(one.path), reasons=("not read here",))

    published_at([place], read=read)
    published_at([place], read=read)
    (place / "NLD" / "2024" / "methods.md").write_text("other", encoding="utf-8")
    published_at([place], read=read)
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"null", b'{"format": 1}', b'"' + b"x" * 1000, b"[" * 100_000, b"\xff\xfe"],
)
def test_what_is_no_statement_is_refused_and_raises_nothing(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "NLD.statement.json"
    path.write_bytes(content)
    assert isinstance(statement_at(Place(path=path, stamp=())), Refused)


def test_a_statement_that_hides_a_charge_is_refused_beside_its_bundle(tmp_path: Path) -> None:
    place = write_world(World(offices=("NLD",)), tmp_path)
    empty = Book(MemoryStore())
    elsewhere = tmp_path / "elsewhere"
    write_release(World(offices=("NLD",), release="2023", year=2023, periods=("2023",)), "NLD", elsewhere, book=empty)
    shutil.copy(elsewhere / "published" / "NLD.statement.json", place / "NLD.statement.json")
    found = published_at([place])
    assert not found.statements
    assert any("isn't in it" in reason for one in found.refused for reason in one.reasons)


def test_a_changed_amount_in_a_statement_is_refused(tmp_path: Path) -> None:
    path = write_world(World(offices=("NLD",)), tmp_path) / "NLD.statement.json"
    statement = json.loads(path.read_bytes())
    statement["accounts"][-1]["spent"] = "1/100"
    path.write_text(json.dumps(statement), encoding="utf-8")
    assert isinstance(statement_at(Place(path=path, stamp=())), Refused)


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "datapackage.json").write_text("{}", encoding="utf-8")
    refused = bundle_at(Place(path=tmp_path, stamp=()))
    assert isinstance(refused, Refused)
    assert refused.reasons
