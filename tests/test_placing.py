"""Bundles that are right by themselves and lie where another belongs, lie twice, or are gone."""

from release.bundle.memory import Memory, SeenRelease
from release.bundle.placing import gone, with_places
from release.bundle.verification import Identity, Verification


def result(place: str, reporter: str, release: str) -> Verification:
    identity = Identity(
        reporter=reporter, release=release, sequence=1, head="0" * 64, digest="1" * 64, supersedes=None, chain={}
    )
    return Verification(bundle=place, findings=(), identity=identity)


def codes(*results: Verification, named: tuple[str, ...] = ("published",)) -> list[list[str]]:
    return [[note.code for note in one.notes] for one in with_places(results, named)]


def test_a_bundle_in_its_own_folder_has_no_note():
    assert codes(result("published/NLD/2024", "NLD", "2024"), result("published/ITA/2024", "ITA", "2024")) == [[], []]


def test_a_bundle_in_anothers_folder_is_named_and_so_is_the_same_one_elsewhere():
    own, foreign = result("published/NLD/2024", "NLD", "2024"), result("published/USA/2024", "NLD", "2024")
    assert codes(own, foreign) == [["twice"], ["misplaced", "twice"]]
    older = result("published/NLD/2024-r1", "NLD", "2024")
    assert codes(older) == [["misplaced"]]


def test_a_bundle_that_was_named_itself_may_lie_anywhere():
    assert codes(result("altered", "NLD", "2024"), named=("altered",)) == [[]]


def test_what_was_seen_and_is_gone_is_named_for_the_offices_at_hand():
    seen = SeenRelease(digest="1" * 64, sequence=1, head="0" * 64, keyid=None)
    memory = Memory(offices={"NLD": {"2024": seen, "2024-r1": seen}, "USA": {"2024": seen}})
    one, other = result("p/NLD/2024", "NLD", "2024"), result("p/ITA/2024", "ITA", "2024")
    assert gone(memory, [one]) == ("NLD/2024-r1",)
    assert gone(memory, [one, other]) == ("NLD/2024-r1", "USA/2024")
