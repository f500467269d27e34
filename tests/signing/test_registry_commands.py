"""The registry of offices by the command line: begun, filled, rotated, handed over, renewed; and as others read it."""

import datetime
import json
import shutil
from pathlib import Path

import pytest
from signing_world import write_passphrase, write_signing_office
from trust_world import make_world, release_files, signed, write_bundle
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from release.bundle.verification import verify
from release.errors import RegistryChangeRefusedError, RegistryRefusedError
from release.registry.folder import FolderFiles, changing
from release.registry.reading import read_registry
from release.registry.writing import Keepers
from release.signing.keys import new_private_key


@pytest.fixture(scope="module")
def place(tmp_path_factory, mirrors):
    """Return a folder with three keepers' keys, a registry, and an office in it that has published."""
    folder = tmp_path_factory.mktemp("registry")
    phrase = write_passphrase(folder / "keepers" / "passphrase")
    for number in (1, 2, 3):
        key = folder / "keepers" / f"{number}.pem"
        assert mirrors("registry", "keeper", key, "--passphrase-file", phrase).code == 0
    public = [argument for number in (1, 2, 3) for argument in ("--keeper", folder / "keepers" / f"{number}.pub.json")]
    begun = mirrors("registry", "init", folder / "r", *signing(folder), *public, "--threshold", 2, "--json")
    assert begun.code == 0, begun.err
    write_signing_office(folder / "nld")
    assert mirrors("keys", "new", folder / "nld" / "office.toml").code == 0
    entered = mirrors("registry", "add-office", folder / "r", "NLD", *public_key(folder), *signing(folder))
    assert entered.code == 0, entered.err
    ran = mirrors("run", folder / "nld" / "2024.toml", "--registry", folder / "r")
    assert ran.code == 0, ran.err
    return folder


def signing(folder: Path, *numbers: int):
    keys = [argument for number in numbers or (1, 2) for argument in ("--key", folder / "keepers" / f"{number}.pem")]
    return [*keys, "--passphrase-file", folder / "keepers" / "passphrase"]


def public_key(folder: Path):
    return "--public", folder / "nld" / "keys" / "signing.pub.json"


def test_a_bundle_is_signed_once_the_registry_says_whose_key_it_is(place, mirrors):
    bundle = place / "nld" / "published" / "NLD" / "2024"
    (told,) = mirrors("verify", bundle, "--registry", place / "r", "--json").json["bundles"]
    assert (told["valid"], told["signed"], told["signer"]) == (True, True, "NLD")


def test_two_releases_around_a_rotation_verify_and_the_old_key_signs_no_third(place, mirrors, tmp_path):
    folder = Path(shutil.copytree(place, tmp_path / "copy"))
    office, registry = folder / "nld", folder / "r"
    assert mirrors("keys", "rotate", office / "office.toml").code == 0
    second = office / "second.toml"
    second.write_text((office / "2024.toml").read_text().replace('release = "2024"', 'release = "2024b"'))
    early = mirrors("run", second, "--registry", registry)
    assert early.code == 6
    assert "may not sign for NLD" in early.err
    assert "Nothing was charged" in early.err
    rotate = ("registry", "rotate", registry, "NLD", *public_key(folder), "--bundles", office / "published")
    alone = mirrors(*rotate, *signing(folder, 3))
    assert alone.code == 6
    assert "1 of its keepers" in alone.err
    rotated = mirrors(*rotate, *signing(folder, 2, 3))
    assert rotated.code == 0, rotated.err
    assert mirrors("run", second, "--registry", registry).code == 0
    both = mirrors("verify", office / "published", "--registry", registry, "--json").json["bundles"]
    assert [one["signed"] for one in both] == [True, True]
    shown = mirrors("registry", "verify", registry, "--json").json
    assert [key["state"] for key in shown["offices"][0]["keys"]] == ["retired", "active"]
    assert shown["offices"][0]["keys"][0]["kept"] == ["2024"]
    keys = office / "keys"
    old = next(keys.glob("signing-*.pem"))
    shutil.copy(old, keys / "signing.pem")
    third = office / "third.toml"
    third.write_text((office / "2024.toml").read_text().replace('release = "2024"', 'release = "2024c"'))
    refused = mirrors("run", third, "--registry", registry)
    assert refused.code == 6
    assert "retired" in refused.err


def test_compare_takes_only_what_the_registry_vouches_for(place, mirrors, tmp_path):
    bundle = Path(shutil.copytree(place / "nld" / "published" / "NLD" / "2024", tmp_path / "2024"))
    (bundle / "signature.json").unlink()
    refused = mirrors("compare", bundle, bundle, "--registry", place / "r")
    assert refused.code == 6
    assert "unsigned" in refused.err


def test_the_registry_refuses_what_may_not_be_done(place, mirrors):
    again = mirrors("registry", "add-office", place / "r", "NLD", *public_key(place), *signing(place))
    assert again.code == 6
    assert "is in it already" in again.err
    begun = mirrors("registry", "init", place / "r", *signing(place), "--threshold", 1)
    assert begun.code == 6
    assert "already" in begun.err
    expired = mirrors("registry", "verify", place / "r", "--as-of", "2099-01-01")
    assert expired.code == 6
    assert "expired" in expired.err
    assert mirrors("registry", "verify", place / "r", "--as-of", "soon").code == 2


def test_other_keepers_take_over_and_a_registry_is_renewed(place, mirrors, tmp_path):
    folder = Path(shutil.copytree(place, tmp_path / "copy"))
    fresh = folder / "keepers" / "4.pem"
    assert mirrors("registry", "keeper", fresh, "--passphrase-file", folder / "keepers" / "passphrase").code == 0
    handed = mirrors(
        "registry", "keepers", folder / "r", *signing(folder, 1, 2, 4), "--threshold", 1,
        "--keeper", folder / "keepers" / "4.pub.json",
    )  # fmt: skip
    assert handed.code == 0, handed.err
    assert mirrors("registry", "renew", folder / "r", *signing(folder, 1, 2)).code == 6
    renewed = mirrors("registry", "renew", folder / "r", *signing(folder, 4), "--expires", "2030-01-01", "--json")
    assert renewed.json["expires"] == "2030-01-01"
    bundle = folder / "nld" / "published" / "NLD" / "2024"
    pinned = ("--registry", folder / "r", "--root", place / "r" / "1.root.json")
    assert mirrors("verify", bundle, *pinned, "--json").json["bundles"][0]["signed"]


class FromFolder(FetcherInterface):
    """Fetches from a folder as TUF's own client asks for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _fetch(self, url: str):
        file = self._folder / url.removeprefix("folder:/")
        if not file.is_file():
            raise DownloadHTTPError("not there", 404)
        yield file.read_bytes()


def test_the_tuf_projects_own_client_reads_the_registry(place, tmp_path):
    (tmp_path / "metadata").mkdir()
    client = Updater(
        str(tmp_path / "metadata"),
        "folder:/",
        str(tmp_path),
        "folder:/targets/",
        fetcher=FromFolder(place / "r"),
        config=UpdaterConfig(),
        bootstrap=(place / "r" / "1.root.json").read_bytes(),
    )
    client.refresh()
    target = client.get_targetinfo("NLD.json")
    assert target is not None
    assert json.loads(Path(client.download_target(target)).read_bytes())["reporter"] == "NLD"


def test_a_registry_in_a_folder_is_read_without_trust(tmp_path):
    files = FolderFiles(tmp_path)
    assert files.read("timestamp.json", 10) is None
    for name in ("../x", "a/b/c", "", "targets/..", "a\0b", "x" * 300):
        with pytest.raises(RegistryRefusedError):
            files.read(name, 10)
    (tmp_path / "timestamp.json").write_bytes(b"x" * 11)
    with pytest.raises(RegistryRefusedError, match="larger"):
        files.read("timestamp.json", 10)
    (tmp_path / "link.json").symlink_to(tmp_path / "timestamp.json")
    assert files.read("link.json", 100) is None
    with pytest.raises(RegistryRefusedError, match=r"no 1\.root\.json"):
        read_registry(tmp_path, day=None)


def test_one_change_at_a_time(tmp_path):
    with changing(tmp_path), pytest.raises(RegistryRefusedError, match="another change"), changing(tmp_path):
        pass


def test_a_threshold_fits_its_keepers():
    one, other = (new_private_key().public for _ in range(2))
    for keys, threshold in (((one, other), 0), ((one, other), 3), ((one, one), 2), ((), 1)):
        with pytest.raises(RegistryChangeRefusedError):
            Keepers(keys=keys, threshold=threshold)


def test_a_bundle_of_an_office_that_the_registry_does_not_name_is_valid_and_marked(tmp_path):
    world = make_world("ITA")
    files = release_files(tmp_path / "office")
    for found in (files, signed(files, new_private_key())):
        result = verify(write_bundle(tmp_path / "bundle", found), world.registry)
        assert result.valid
        assert not result.signed
        assert [note.code for note in result.notes] == ["not in the registry"]


def test_a_registry_older_than_a_signature_is_called_so_where_it_names_no_such_office(tmp_path):
    world = make_world("ITA")
    files = signed(release_files(tmp_path / "office"), new_private_key(), registry=world.registry.version + 1)
    result = verify(write_bundle(tmp_path / "bundle", files), world.registry)
    assert [finding.code for finding in result.findings] == ["registry older"]


def test_a_command_that_names_a_registry_ends_with_6_where_it_does_not_know_the_office(tmp_path, mirrors):
    for name, content in make_world("ITA").files.files.items():
        (tmp_path / "r" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "r" / name).write_bytes(content)
    bundle = write_bundle(tmp_path / "bundle", release_files(tmp_path / "office"))
    assert mirrors("verify", bundle).code == 0
    ended = mirrors("verify", bundle, "--registry", tmp_path / "r", "--as-of", "2027-01-01")
    assert ended.code == 6
    assert "nobody that the registry names vouches for it" in ended.out


def test_expiry_says_when_to_renew(place):
    known = read_registry(place / "r", day=None).registry
    assert datetime.date.fromisoformat(known.expires) > datetime.date(2026, 1, 1)
