"""Which real parts a command works with: the ledger, the records and the folders that an office's config names."""

from collections.abc import Iterator
from pathlib import Path

from release.bundle.heads import heads_in, heads_seen
from release.cli.printing import say
from release.config import Office, Release, load_release
from release.config.loading import inside, located
from release.errors import ConfigError, LedgerMissingError, UsageError
from release.ledger.book import Book
from release.plan import ReleasePlan, make_plan
from release.priors import load_prior


def ledger_url(office: Office, folder: Path) -> str:
    """Return the ledger's URL with a path inside the office's folder made whole."""
    if not office.ledger.url.startswith("sqlite:///"):
        return office.ledger.url
    return f"sqlite:///{inside(folder, office.ledger.url.removeprefix('sqlite:///')).absolute()}"


def ledger_files(office: Office, folder: Path) -> tuple[Path, ...]:
    """Return the files on this machine that hold the ledger; none where a server does."""
    url = ledger_url(office, folder)
    return (Path(url.removeprefix("sqlite:///")),) if url.startswith("sqlite:///") else ()


def open_book(
    office: Office, folder: Path, *, published: Path | None = None, seen: Path | None = None, quietly: bool = False
) -> Book:
    """Return the office's ledger, with the witness beside it and the heads that its published bundles name.

    `seen` is where copies of bundles or statements are that were kept since earlier: their heads are held against it.

    Raises:
        LedgerMissingError: there is none, and the config doesn't say to make one.
    """
    try:
        return existing_book(office, folder, published=published, seen=seen)
    except LedgerMissingError:
        if not makes_ledger(office, folder):
            raise
    create_ledger(office, folder)
    if not quietly:
        say(f"made a new, empty ledger at {office.ledger.url} (the config says on_missing = create)")
    return existing_book(office, folder, published=published, seen=seen)


def existing_book(office: Office, folder: Path, *, published: Path | None = None, seen: Path | None = None) -> Book:
    """Return the office's ledger as `open_book` does, and make none.

    Raises:
        LedgerMissingError: there is none.
    """
    from release.ledger.sql import open_store
    from release.ledger.witness import FileWitness

    store = open_store(ledger_url(office, folder))
    witness = FileWitness(_witness_file(office, folder))
    place = published_folder(office, folder, published)
    earlier = () if seen is None else heads_seen(seen, office.code)
    return Book(store, witness=witness, heads=(*heads_in(place / office.code), *earlier))


def makes_ledger(office: Office, folder: Path) -> bool:
    """Decide whether a run makes a ledger where none is: the config says so, and no witness remembers one."""
    return office.ledger.on_missing == "create" and not _witness_file(office, folder).exists()


def _witness_file(office: Office, folder: Path) -> Path:
    return state_folder(office, folder) / "ledger.witness"


def create_ledger(office: Office, folder: Path) -> str:
    """Make the office's ledger, which must not exist, and return its URL."""
    from release.ledger.sql import create

    url = ledger_url(office, folder)
    _private(state_folder(office, folder))
    if url.startswith("sqlite:///"):
        _private(Path(url.removeprefix("sqlite:///")).parent)
    create(url)
    return office.ledger.url


def state_folder(office: Office, folder: Path) -> Path:
    """Return the office's private folder."""
    return inside(folder, office.state)


def published_folder(office: Office, folder: Path, out: Path | None) -> Path:
    """Return the place of publication: the command line's, or the config's."""
    return inside(folder, office.published) if out is None else out


def source_place(release: Release, folder: Path, source: Path | None) -> Path | None:
    """Return where the records are: the command line's place, or the config's, or None when neither names one.

    Raises:
        UsageError: the config says that they are in a table, and the command line names a file.
    """
    if source is not None and release.source.layout == "table":
        raise UsageError("--source names files, and the config's records are in a table. Nothing was read or charged.")
    if source is not None or release.source.path is None:
        return source
    return inside(folder, release.source.path)


def trader_ids_place(release: Release, folder: Path) -> Path | None:
    """Return where the office's table of trader ids is, or None when the config names none."""
    return None if release.source.trader_ids is None else inside(folder, release.source.trader_ids)


def protected_place(release: Release, folder: Path) -> Path | None:
    """Return where the list of traders who asked for protection is, or None when the config names none."""
    place = release.source.protected_traders
    return None if place is None else inside(folder, place)


def planned(office: Office, release: Release, folder: Path, out: Path | None) -> ReleasePlan:
    """Return the plan of a release with its prior read."""
    prior = load_prior(office, release, folder=folder, published=published_folder(office, folder, out))
    return make_plan(office, release, prior)


def planned_file(file: Path, out: Path | None) -> tuple[Office, Release, ReleasePlan]:
    """Return the office, the release and the plan that a release's file describes.

    Raises:
        ConfigError: with the file and line of every fault, those of a prior included.
    """
    office, release = load_release(file)
    try:
        return office, release, planned(office, release, file.parent, out)
    except ConfigError as refused:
        raise located(refused, file) from None


def releases_beside(file: Path) -> tuple[Release, ...]:
    """Return the releases whose configs stand beside their office's; what isn't one, or has faults, is left out."""
    return tuple(_releases_beside(file))


def _releases_beside(file: Path) -> Iterator[Release]:
    for one in sorted(file.parent.glob("*.toml")):
        try:
            release = None if one == file else load_release(one)[1]
        except ConfigError:
            continue
        if release is not None and (one.parent / release.office).resolve() == file.resolve():
            yield release


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
