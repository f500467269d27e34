"""Golden bundles verify for ever, under the registry of their time; `python tests/golden/make.py` makes new ones."""

import shutil
from pathlib import Path

import pytest

GOLDEN = sorted(path for path in (Path(__file__).parent / "golden").iterdir() if path.is_dir() and path.name.isdigit())
"""One folder for each format of bundle, by its number."""

DAY = "2027-01-01"


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
def test_a_golden_bundle_verifies_as_signed_by_its_office(golden, mirrors):
    pinned = ("--registry", golden / "registry", "--root", golden / "registry" / "1.root.json", "--as-of", DAY)
    (told,) = mirrors("verify", golden / "bundle", *pinned, "--json").json["bundles"]
    assert (told["valid"], told["signed"], told["signer"], told["findings"]) == (True, True, "NLD", [])


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
def test_a_golden_bundle_without_its_signature_is_refused_by_the_registry_and_unsigned_without_it(
    golden, mirrors, tmp_path
):
    bundle = Path(shutil.copytree(golden / "bundle", tmp_path / "bundle"))
    (bundle / "signature.json").unlink()
    refused = mirrors("verify", bundle, "--registry", golden / "registry", "--as-of", DAY)
    assert refused.code == 6
    assert "unsigned" in refused.out
    assert "nobody vouches for it" in mirrors("verify", bundle).out
