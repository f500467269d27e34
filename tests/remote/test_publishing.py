"""Bundles are copied to a location whole or not at all, by the real command line and the real clients."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import ENTRY, Mirrors
from object_store import BUCKET, ObjectStore, object_store
from offices import OFFICE, RELEASE, publish, some_lines, write_office
from trust_world import files_of

from release.bundle.content import MANIFEST, BundleContent
from release.bundle.verification import read_files, verify
from release.errors import LocationError, PublishedOtherwiseError, UnwritableLocationError
from release.remote.sending import Sent, send
from release.remote.stores import Store, StoredFiles, store_at

URL = f"s3://{BUCKET}"
FOLDER = "AAA/2024"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a place of publication with one bundle in it."""
    place = write_office(tmp_path_factory.mktemp("office"), lines=some_lines(60), office=OFFICE)
    return publish(place).bundle.parents[1]


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    """Run an object store, with this process's environment as its clients need it."""
    with object_store() as held, pytest.MonkeyPatch.context() as patch:
        for name, value in held.env.items():
            patch.setenv(name, value)
        yield held


def content_of(published: Path) -> BundleContent:
    """Return the bundle's verified files."""
    return read_files(published / FOLDER)[1]


@pytest.mark.slow
def test_what_is_published_to_a_store_is_verified_there_and_fetched_back_to_the_byte(
    published: Path, store: ObjectStore, mirrors: Mirrors, tmp_path: Path
) -> None:
    german = OFFICE.replace("AAA", "DEU").replace('"AX"', '"DE"')
    other = publish(write_office(tmp_path, lines=[], office=german, release=RELEASE.replace('"DE"', '"AX"'))).bundle
    first = mirrors("publish", published, other, URL, "--json")
    assert first.code == 0, first.err
    assert [one["status"] for one in first.json["bundles"]] == ["published", "published"]
    assert mirrors("publish", published, URL, "--json").json["bundles"][0]["status"] == "already published"
    assert store.objects["AAA.statement.json"] == (published / "AAA.statement.json").read_bytes()
    assert mirrors("verify", URL).out.startswith(f"{URL}/{FOLDER}: valid")
    compared = mirrors("compare", URL, "--json")
    assert compared.code == 0, compared.err
    assert {cell["importer"] for cell in compared.json["cells"]} == {"AAA", "DEU"}
    assert mirrors("fetch", URL, tmp_path / "held").code == 0
    assert files_of(tmp_path / "held" / FOLDER) == files_of(published / FOLDER)


def test_the_manifest_goes_last_and_a_reader_sees_no_bundle_before_it(published: Path, store: ObjectStore) -> None:
    seen: list[str] = []
    remote = StoredFiles(store_at(URL), FOLDER)
    store.after_put = lambda _: seen.append(",".join(one.code for one in verify(remote).findings) or "whole")
    assert send(content_of(published), store_at(URL), FOLDER) is Sent.PUBLISHED
    assert store.puts[-1] == f"{FOLDER}/{MANIFEST}"
    assert seen == ["missing"] * (len(store.puts) - 1) + ["whole"]


@pytest.mark.parametrize("moment", ["before_put", "after_put"])
def test_an_upload_that_breaks_off_at_any_file_goes_on_and_sends_nothing_twice(
    moment: str, published: Path, store: ObjectStore
) -> None:
    content = content_of(published)
    for broken in sorted(content.files):
        store.objects.clear()
        store.puts.clear()
        broken_store = Refusing(store_at(URL), broken, moment)
        with pytest.raises(LocationError):
            send(content, broken_store, FOLDER)
        whole = moment == "after_put" and broken == MANIFEST
        assert verify(StoredFiles(store_at(URL), FOLDER)).valid is whole
        assert send(content, store_at(URL), FOLDER) is not Sent.PUBLISHED or not store.puts[: -len(content.files)]
        assert {key.removeprefix(f"{FOLDER}/"): one for key, one in store.objects.items()} == dict(content.files)
        assert len(store.puts) == len(content.files)


class Refusing:
    """A store whose line breaks at one file, before or after the file is stored."""

    def __init__(self, store: Store, broken: str, moment: str) -> None:
        self._store, self._broken, self._moment = store, broken, moment
        self.keys, self.read, self.replace = store.keys, store.read, store.replace

    def create(self, key: str, content: bytes) -> bool:
        """Put an object, or break."""
        ours = key.endswith(f"/{self._broken}")
        if ours and self._moment == "before_put":
            raise UnwritableLocationError(URL, "the line broke")
        made = self._store.create(key, content)
        if ours:
            raise UnwritableLocationError(URL, "the line broke")
        return made


@pytest.mark.slow
@pytest.mark.parametrize("files", [1, 14])
def test_a_publication_killed_between_files_is_completed_by_the_next(
    files: int, published: Path, store: ObjectStore, mirrors: Mirrors
) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", ENTRY, "publish", str(published), URL], stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    bundled = [0]

    def kill(key: str) -> None:
        bundled[0] += key.startswith(FOLDER)
        if bundled[0] == files:
            running.send_signal(signal.SIGKILL)
            running.wait()

    store.after_put = kill
    assert running.wait(timeout=120) == -signal.SIGKILL
    store.after_put = lambda _: None
    assert [one.code for one in verify(StoredFiles(store_at(URL), FOLDER)).findings] == ["missing"]
    again = mirrors("publish", published, URL, "--json")
    assert again.json["bundles"][0]["status"] == "resumed"
    assert verify(StoredFiles(store_at(URL), FOLDER)).valid


@pytest.mark.parametrize("name", ["methods.md", MANIFEST, "stranger.txt"])
def test_what_somebody_else_put_there_is_refused_and_left(name: str, published: Path, store: ObjectStore) -> None:
    store.objects[f"{FOLDER}/{name}"] = b"{}"
    with pytest.raises(PublishedOtherwiseError):
        send(content_of(published), store_at(URL), FOLDER)
    assert store.objects == {f"{FOLDER}/{name}": b"{}"}


@pytest.mark.usefixtures("store")
def test_nothing_is_added_to_a_bundle_that_is_published_whole(published: Path) -> None:
    content = content_of(published)
    send(content, store_at(URL), FOLDER)
    with pytest.raises(PublishedOtherwiseError, match="without"):
        send(BundleContent(files={**content.files, "signature.json": b"{}"}), store_at(URL), FOLDER)


def test_a_bundle_that_does_not_verify_is_not_sent(
    published: Path, store: ObjectStore, mirrors: Mirrors, tmp_path: Path
) -> None:
    place = tmp_path / FOLDER
    place.mkdir(parents=True)
    for name, content in files_of(published / FOLDER).items():
        (place / name).write_bytes(content.replace(b"TOTAL", b"TOTAL ") if name == "methods.md" else content)
    (place / "methods.md").write_text("changed")
    assert mirrors("publish", place, URL).code == 6
    assert not store.objects


def test_a_published_statement_is_never_rolled_back_or_forked(
    published: Path, store: ObjectStore, mirrors: Mirrors, tmp_path: Path
) -> None:
    other = publish(write_office(tmp_path, lines=some_lines(60), office=OFFICE.replace('"100"', '"99"'))).bundle
    foreign = (other.parents[1] / "AAA.statement.json").read_bytes()
    store.objects["AAA.statement.json"] = foreign
    refused = mirrors("publish", published, URL)
    assert refused.code == 6
    assert "another ledger" in refused.err
    assert store.objects == {"AAA.statement.json": foreign}


def test_publishing_to_a_folder_copies_bundle_and_statement_once(
    published: Path, mirrors: Mirrors, tmp_path: Path
) -> None:
    assert mirrors("publish", published, tmp_path / "copy", "--json").json["bundles"][0]["status"] == "published"
    assert (
        mirrors("publish", published, tmp_path / "copy", "--json").json["bundles"][0]["status"] == "already published"
    )
    assert files_of(tmp_path / "copy" / FOLDER) == files_of(published / FOLDER)
    assert (tmp_path / "copy" / "AAA.statement.json").read_bytes() == (published / "AAA.statement.json").read_bytes()


@pytest.mark.parametrize(
    "location",
    ["ftp://host/x", "http://host.example/x", "https://user:word@host.example/x", "s3://", "s3://b/../c", "s3://b?x=1",
     "memory:///x", "file:///tmp/x", "s3://b\n/x", "https://host.example:x/"],
)  # fmt: skip
def test_a_location_of_another_kind_is_refused_before_anything_is_asked(
    location: str, published: Path, mirrors: Mirrors
) -> None:
    assert mirrors("publish", published, location).code == 2
