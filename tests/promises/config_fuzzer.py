"""Offers hostile configs to the program and watches what it does; a process of its own, under limits.

    python config_fuzzer.py FOLDER COUNT SEED        # mutated configs, by the tokens and seeds below; prints JSON
    python config_fuzzer.py FOLDER --atheris ...     # the same judge under Atheris, guided by coverage, where installed

An input is read as each kind of config would be, and its paths are followed as commands follow them. Whatever the text,
the outcome is a value or a `ConfigError`; no path leaves the folder; nothing outside of it is opened but the program's
own files; nothing is run, evaluated or connected to; processor time and memory stay bounded.
"""

import json
import random
import resource
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

KINDS = ("office", "release", "comparison")
SECONDS, BYTES = 2, 1_000_000_000
"""What an input may take: processor seconds, and memory beyond what the program has at its start."""

PATHS = (
    "../outside", "a/../../outside", "..", "/etc/passwd", "//etc/passwd", "link/secret", "./link/secret", "~/x",
    "~root/x",
    "C:\\\\x", "..\\\\outside", "\\\\\\\\host\\\\share", "file:///etc/passwd", "https://host.example/x",
    "a\\u0000b", "a\\nb",
    "", ".", "x/./../..", "%2e%2e/outside", "\\uff0e\\uff0e/outside", "a" * 300, "con", "/dev/zero",
    "/proc/self/environ",
)  # fmt: skip
"""Paths, as they stand between quotes in TOML."""

TOKENS = (
    b"[", b"]", b"{", b"}", b'"', b"'", b'"""', b"'''", b"=", b"\n", b"#", b"\\", b"\0", b"\xff", b"\xe2\x80\xae", b".",
    b"0x" + b"F" * 5000, b"9" * 5000, b"1e999", b"nan", b"-inf", b"true", b"1979-05-27T07:32:00Z", b"[[a]]\n",
    b"[a.b]\n",
    b"a" * 5000, b"{a=" * 500, b"[" * 3000, b"a." * 3000, b"\\U0010ffff", b"__class__", b"${HOME}", b"$(id)", b"%s%n",
    b"!!python/object", b"sqlite:///../x", b"sqlite:////etc/x", b"postgresql://h/x", *(path.encode() for path in PATHS),
)  # fmt: skip

_ACTIONS = frozenset({"os", "subprocess", "socket", "shutil", "ctypes", "pty", "urllib", "sqlite3"})
"""What no reading of a config does, by the beginning of the interpreter's audit events."""

_PLACES = frozenset({b"path", b"office", b"key", b"passphrase_file", b"registry", b"table", b"bundles"})

SIGNING = '\n[signing]\nkey = "keys/signing.pem"\npassphrase_file = "keys/phrase"\nregistry = "registry"\n'
COMPARISON = """
title = "Mirrors"
bundles = ["published"]
levels = ["partner"]
periods = ["2024"]
pairs = ["NLD>ITA"]
tolerance = "0.25"
registry = "registry"
[cif_fob]
factor = "1.06"
source = "stated"
[rates]
table = "rates.csv"
source = "stated"
"""


def seeds() -> dict[str, bytes]:
    """Return a good config of each kind."""
    from offices import OFFICE, RELEASE

    return {"office": (OFFICE + SIGNING).encode(), "release": RELEASE.encode(), "comparison": COMPARISON.encode()}


def write_world(folder: Path) -> Path:
    """Make a config's folder, a secret beside it and a link that leads there; return the folder."""
    inner = folder / "inner"
    inner.mkdir(parents=True)
    (folder / "outside").mkdir()
    (folder / "outside" / "secret").write_text("secret")
    (inner / "link").symlink_to(folder / "outside")
    for name, content in seeds().items():
        (inner / f"{name}.toml").write_bytes(content)
    return inner


class Judge:
    """Reads inputs as configs in a folder, and holds what happens against the promise."""

    def __init__(self, folder: Path) -> None:
        from release.cli import wiring
        from release.config import load_comparison, load_office, load_release
        from release.config.loading import inside
        from release.errors import ConfigError

        self._folder, self._refusal, self._inside, self._wiring = folder, ConfigError, inside, wiring
        self._load = {"office": load_office, "release": load_release, "comparison": load_comparison}
        self._watching = False
        self._seen: list[str] = []
        self.slowest, self.refused, self.loaded = 0.0, 0, 0
        for kind, content in seeds().items():
            self.read(kind, content)  # what is imported when it is first needed is imported now
        assert self.loaded == len(KINDS), "a seed isn't a good config"
        self._own = tuple(
            str(Path(path).resolve())
            for path in (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), Path(wiring.__file__).parents[2])
        )
        sys.addaudithook(self._watch)

    def _watch(self, event: str, values: tuple[Any, ...]) -> None:
        if not self._watching:
            return
        if event == "open" and isinstance(values[0], str | bytes):
            place = Path(values[0] if isinstance(values[0], str) else values[0].decode(errors="replace")).resolve()
            if not place.is_relative_to(self._folder) and not str(place).startswith(self._own):
                self._seen.append(f"opened {place}")
        elif event.split(".", maxsplit=1)[0] in {
            "os",
            "subprocess",
            "socket",
            "shutil",
            "ctypes",
            "pty",
            "urllib",
            "sqlite3",
        }:
            if event not in {"os.listdir", "os.scandir"}:
                self._seen.append(event)
        elif event in {"exec", "compile"} and "<string>" in str(values):
            self._seen.append(event)

    def read(self, kind: str, content: bytes) -> None:
        """Read an input as a config of a kind.

        Raises:
            AssertionError: the promise is broken.
        """
        path = self._folder / f"{kind}.toml"
        good = path.read_bytes()
        path.write_bytes(content)
        began, self._watching = time.process_time(), True
        try:
            self._follow(kind, self._load[kind](path))
            self.loaded += 1
        except self._refusal:
            self.refused += 1
        finally:
            self._watching = False
            took = time.process_time() - began
            path.write_bytes(good)
        self.slowest = max(self.slowest, took)
        assert took < SECONDS, f"took {took:.1f} s"
        assert not self._seen, self._seen

    def _follow(self, kind: str, loaded: Any) -> None:
        for place in self._places(kind, loaded):
            if place is not None:
                assert Path(place).resolve().is_relative_to(self._folder.resolve()), f"{place} leaves the folder"

    def _places(self, kind: str, loaded: Any) -> Iterator[Path | None]:
        """Yield every path that a config leads commands to."""
        wiring, folder = self._wiring, self._folder
        if kind == "comparison":
            tables = [table.table for table in (loaded.rates, loaded.history) if table is not None]
            yield from (self._inside(folder, inner) for inner in (*loaded.bundles, *tables, loaded.registry or "."))
            return
        office, release = loaded if kind == "release" else (loaded, None)
        yield wiring.state_folder(office, folder)
        yield wiring.published_folder(office, folder, None)
        url = wiring.ledger_url(office, folder)
        yield Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
        if office.signing is not None:
            named = (office.signing.key, office.signing.passphrase_file, office.signing.registry)
            yield from (self._inside(folder, inner) for inner in named if inner is not None)
        if release is not None:
            yield wiring.source_place(release, folder, None)
            yield wiring.trader_ids_place(release, folder)
            yield wiring.protected_place(release, folder)


def mutated(text: bytes, chance: random.Random) -> bytes:
    """Return a config's bytes with values, lines and parts replaced, doubled, moved or cut."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        lines = text.split(b"\n")
        at = chance.randrange(len(lines))
        key, equals, value = lines[at].partition(b"=")
        how = chance.randrange(6)
        if how == 0:
            at = chance.choice([number for number, line in enumerate(lines) if _key(line) in _PLACES] or [at])
            key, equals, value = lines[at].partition(b"=")
        if how == 0 and equals:
            lines[at] = key + b'= "' + chance.choice(PATHS).encode() + b'"'
        elif how == 1 and equals:
            lines[at] = key + b"= " + chance.choice(TOKENS)
        elif how == 2:
            lines.insert(at, chance.choice(lines))
        elif how == 3:
            lines[at] = b"" if chance.random() < 1 / 2 else value + equals + key
        else:
            start = chance.randrange(len(lines[at]) + 1)
            end = min(len(lines[at]), start + chance.choice((0, 1, 3, 20)))
            lines[at] = lines[at][:start] + chance.choice(TOKENS) + lines[at][end:]
        text = b"\n".join(lines)
    return text


def _key(line: bytes) -> bytes:
    return line.partition(b"=")[0].strip()


def hold_to_limits() -> None:
    """Bound the memory of this process."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + BYTES, held + BYTES))


def fuzz(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Offer mutated configs and return what was seen; `broken` tells of what breaks the promise."""
    judge, chance, broken = Judge(write_world(folder)), random.Random(seed), []
    hold_to_limits()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        kind = chance.choice(KINDS)
        text = mutated(seeds()[kind], chance)
        try:
            judge.read(kind, text)
        except BaseException as error:  # noqa: BLE001 - any other outcome breaks the promise
            broken.append(f"{kind}: {type(error).__name__}: {error}"[:300])
            judge._seen.clear()
    risen = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    figures = {"refused": judge.refused, "loaded": judge.loaded, "slowest": judge.slowest, "megabytes": risen}
    return {**figures, "broken": broken[:20]}


def guided(folder: Path, arguments: list[str]) -> None:
    """Run Atheris over the judge; it ends the process, with a code other than 0 where the promise broke."""
    import atheris

    with atheris.instrument_imports(include=["release.config", "release.privacy", "tomllib"]):
        import tomllib

        import release.config.loading

        del tomllib, release
    inner, corpus = write_world(folder), folder / "corpus"
    corpus.mkdir()
    for number, kind in enumerate(KINDS):
        (corpus / kind).write_bytes(bytes([number]) + seeds()[kind])
    words = folder / "words"
    words.write_text("".join(f'"{_told(word)}"\n' for word in TOKENS if 0 < len(word) < 64))
    judge = Judge(inner)

    def offer(content: bytes) -> None:
        if content:
            judge.read(KINDS[content[0] % len(KINDS)], content[1:])

    options = [f"-dict={words}", "-max_len=4000", "-timeout=20", "-rss_limit_mb=2000", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, *arguments, str(corpus)], offer)
    atheris.Fuzz()


def _told(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    place, first, *others = sys.argv[1:]
    if first == "--atheris":
        guided(Path(place), others)
    else:
        print(json.dumps(fuzz(Path(place), int(first), int(others[0]))))  # noqa: T201
