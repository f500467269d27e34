"""The office's key: made once, encrypted and private; tried before a charge; put out of use without losing anything."""

import json
import shutil
import subprocess

import pytest
from signing_world import PASSPHRASE, SIGNING, write_passphrase, write_signing_office

from release.bundle.signature import Standing
from release.bundle.verification import verify
from release.errors import KeyRefusedError, PassphraseError
from release.signing.envelope import SIGNATURE
from release.signing.keyfile import create_key, open_key, public_place, read_public
from release.signing.passphrases import from_environment, from_file, from_prompt


@pytest.fixture(scope="module")
def office(tmp_path_factory, mirrors):
    release = write_signing_office(tmp_path_factory.mktemp("office"))
    made = mirrors("keys", "new", release.parent / "office.toml", "--json")
    assert made.code == 0, made.err
    return release


@pytest.fixture(scope="module")
def published(office, mirrors):
    ran = mirrors("run", office, "--json")
    assert ran.code == 0, ran.err
    return office.parent / "published" / "NLD" / "2024"


def test_a_key_lies_encrypted_and_for_its_owner_alone_with_its_public_half_beside_it(office):
    place = office.parent / "keys" / "signing.pem"
    assert place.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in place.read_bytes()
    assert open_key(place, PASSPHRASE).public == read_public(public_place(place))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl isn't here")
def test_another_program_reads_the_key(office):
    read = subprocess.run(
        ["openssl", "pkey", "-in", office.parent / "keys" / "signing.pem", "-passin", f"pass:{PASSPHRASE}", "-pubout"],
        capture_output=True,
        check=False,
    )
    assert b"BEGIN PUBLIC KEY" in read.stdout


def test_a_second_key_is_not_made_over_the_first(office, mirrors):
    place = office.parent / "keys" / "signing.pem"
    before = place.read_bytes()
    again = mirrors("keys", "new", office.parent / "office.toml")
    assert again.code == 6
    assert "stands there already" in again.err
    assert place.read_bytes() == before


def test_show_tells_the_public_key_and_asks_for_nothing(office, mirrors):
    shown = mirrors("keys", "show", office.parent / "office.toml", "--json").json
    assert shown["keyid"] == read_public(public_place(office.parent / "keys" / "signing.pem")).keyid


def test_a_published_bundle_is_signed_but_never_said_to_be_signed_by_someone_without_a_registry(published, mirrors):
    told = mirrors("verify", published, "--json")
    (bundle,) = told.json["bundles"]
    assert (told.code, bundle["valid"], bundle["signed"], bundle["signer"]) == (0, True, False, None)
    assert bundle["signature"] == "unchecked"
    assert "by whom is unchecked" in mirrors("verify", published).out


def test_a_rerun_returns_the_same_bytes_also_after_the_key_was_rotated(published, office, mirrors, tmp_path):
    before = {path.name: path.read_bytes() for path in published.iterdir()}
    folder = shutil.copytree(office.parent, tmp_path / "office")
    rotated = mirrors("keys", "rotate", folder / "office.toml", "--json")
    assert rotated.code == 0, rotated.err
    assert rotated.json["keyid"] != rotated.json["replaced"]["keyid"]
    again = mirrors("run", folder / "2024.toml", "--json")
    assert again.json["status"] == "already published"
    bundle = folder / "published" / "NLD" / "2024"
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
    old = folder / "keys" / f"signing-{rotated.json['replaced']['keyid'][:16]}.pem"
    assert open_key(old, PASSPHRASE).public.keyid == rotated.json["replaced"]["keyid"]


def test_a_wrong_passphrase_costs_nothing(mirrors, tmp_path):
    release = write_signing_office(tmp_path)
    assert mirrors("keys", "new", tmp_path / "office.toml").code == 0
    write_passphrase(tmp_path / "keys" / "passphrase", "another phrase altogether")
    refused = mirrors("run", release)
    assert refused.code == 6
    assert "the passphrase isn't its own" in refused.err
    assert "Nothing was charged" in refused.err
    assert mirrors("ledger", "show", tmp_path / "office.toml", "--json").json["charges"] == []
    assert "another phrase" not in refused.err + refused.out


def test_a_missing_key_and_a_prompt_without_a_terminal_cost_nothing(mirrors, tmp_path):
    release = write_signing_office(tmp_path, signing="[signing]\n")
    refused = mirrors("run", release)
    assert refused.code == 6
    assert "keys new" in refused.err
    assert not (tmp_path / "state").exists()
    office = tmp_path / "office.toml"
    office.write_text(office.read_text().replace("[signing]\n", '[signing]\npassphrase_variable = "OFFICE_PHRASE"\n'))
    assert mirrors("keys", "new", office, env={"OFFICE_PHRASE": PASSPHRASE}).code == 0
    office.write_text(office.read_text().replace('passphrase_variable = "OFFICE_PHRASE"\n', ""))
    refused = mirrors("run", release)
    assert refused.code == 6
    assert "no terminal" in refused.err
    assert not (tmp_path / "state").exists()


def test_a_key_that_is_gone_costs_nothing(mirrors, tmp_path):
    release = write_signing_office(tmp_path, signing="[signing]\n")
    assert mirrors("ledger", "create", tmp_path / "office.toml").code == 0
    assert mirrors("run", release).code == 6
    assert mirrors("ledger", "show", tmp_path / "office.toml", "--json").json["charges"] == []


def test_a_passphrase_from_the_environment_signs(mirrors, tmp_path):
    signing = SIGNING.replace('passphrase_file = "keys/passphrase"', 'passphrase_variable = "OFFICE_PHRASE"')
    release = write_signing_office(tmp_path, signing=signing)
    variables = {"OFFICE_PHRASE": PASSPHRASE}
    assert mirrors("keys", "new", tmp_path / "office.toml", env=variables).code == 0
    ran = mirrors("run", release, "--json", env=variables)
    assert ran.code == 0, ran.err
    assert verify(tmp_path / "published" / "NLD" / "2024").vouched.standing is Standing.UNCHECKED
    published = b"".join(path.read_bytes() for path in (tmp_path / "published").rglob("*") if path.is_file())
    assert PASSPHRASE.encode() not in published + ran.err.encode() + ran.out.encode()


def test_keys_that_are_not_kept_as_they_must_be_are_refused(tmp_path):
    place = tmp_path / "key.pem"
    create_key(place, PASSPHRASE)
    with pytest.raises(KeyRefusedError, match="passphrase isn't its own"):
        open_key(place, "not this one at all")
    place.chmod(0o644)
    with pytest.raises(KeyRefusedError, match="others than its owner"):
        open_key(place, PASSPHRASE)
    for content in (b"", b"-----BEGIN PRIVATE KEY-----\n", b"x" * 20_000):
        place.write_bytes(content)
        place.chmod(0o600)
        with pytest.raises(KeyRefusedError):
            open_key(place, PASSPHRASE)
    link = tmp_path / "link.pem"
    link.symlink_to(place)
    with pytest.raises(KeyRefusedError):
        open_key(link, PASSPHRASE)


def test_weak_or_open_passphrases_are_refused_and_not_repeated(tmp_path):
    place = write_passphrase(tmp_path / "keys" / "passphrase", "tooshort")
    with pytest.raises(PassphraseError) as refused:
        from_file(place)
    assert "tooshort" not in str(refused.value)
    write_passphrase(place)
    assert from_file(place) == PASSPHRASE
    place.chmod(0o640)
    with pytest.raises(PassphraseError, match="others than its owner"):
        from_file(place)
    with pytest.raises(PassphraseError, match="isn't set"):
        from_environment("PHRASE", {})
    with pytest.raises(PassphraseError):
        from_prompt("two\nlines and more of it")


def test_a_config_that_would_publish_its_key_is_refused(mirrors, tmp_path):
    write_signing_office(tmp_path, signing=SIGNING.replace("keys/signing.pem", "published/signing.pem"))
    refused = mirrors("config", "check", tmp_path / "office.toml")
    assert refused.code == 3
    assert "must not lie in the place of publication" in refused.err + refused.out


def test_a_public_key_file_of_another_form_is_refused(tmp_path):
    place = tmp_path / "key.pem"
    create_key(place, PASSPHRASE)
    document = json.loads(public_place(place).read_bytes())
    public_place(place).write_text(json.dumps(document))
    with pytest.raises(KeyRefusedError, match="public key"):
        read_public(public_place(place))


def test_the_signature_is_the_only_file_that_the_manifest_does_not_list(published):
    listed = {one["path"] for one in json.loads((published / "datapackage.json").read_bytes())["resources"]}
    assert {path.name for path in published.iterdir()} - listed == {"datapackage.json", SIGNATURE}
