"""R21: a hostile bundle exhausts nothing: each is refused within two seconds of processor time and 100 MB.

Most bundles are an insider's: an office that the registry names, whose signature is right, so that every later check is
reached. Time and memory are measured in one process of their own, memory as the rise of its peak.
"""

import io
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from string import ascii_uppercase, digits

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from edited_program import ROOT, Edit, call, edited
from trust_world import Files, World, make_world, release_files, relisted, signed, write_bundle

from release.bundle.content import MANIFEST
from release.bundle.observations import OBSERVATION_SCHEMA
from release.bundle.verification import verify
from release.plan import canonical_json
from release.signing.envelope import SIGNATURE

Figure = Callable[[str, str], None]
SECONDS, MEGABYTES = 2.0, 100.0
TABLE, CSV, NOISY = "observations.parquet", "observations.csv", "measurement.parquet"


class Bench:
    """An insider: an office of the registry that signs what it likes."""

    def __init__(self, folder: Path) -> None:
        self.world: World = make_world()
        self.honest = release_files(folder / "office")
        self.cells = pl.read_parquet(self.honest[TABLE]).height

    def insider(self, **files: bytes) -> Files:
        """Return a bundle whose signature is right, with these files in place of its own; a dot is `__`."""
        changed = {**self.honest, **{name.replace("__", "."): content for name, content in files.items()}}
        honest = signed(relisted(self.honest), self.world.keys["NLD"])
        own = {name: changed[name] for name in honest if name != SIGNATURE}
        try:
            own = relisted(own)
        except (ValueError, KeyError, TypeError, RecursionError):
            return signed_blindly(own, self)
        return signed_blindly(own, self)


def signed_blindly(files: Files, bench: Bench) -> Files:
    """Return files signed as the honest release, whatever they hold."""
    from release.bundle.signature import released
    from release.signing.envelope import sealed
    from release.signing.statement import Statement, signed_files

    plan, charge = (json.loads(bench.honest[name]) for name in ("plan.json", "charge.json"))
    said = released("noisy-mirrors/bundle/1", plan, charge, signed_files(files))
    key = bench.world.keys["NLD"]
    return {**files, SIGNATURE: sealed(Statement(released=said, key=key.public, registry=None), key)}


def with_table(bench: Bench, **columns: object) -> bytes:
    """Return the observations as Parquet with some columns changed."""
    frame = pl.read_parquet(bench.honest[TABLE]).with_columns(**columns)
    sink = io.BytesIO()
    pq.write_table(frame.to_arrow(), sink, compression="zstd")
    return sink.getvalue()


def planned(bench: Bench, **changes: object) -> bytes:
    """Return the plan with some of it changed."""
    return canonical_json({**json.loads(bench.honest["plan.json"]), **changes})


def constant_rows(rows: int) -> bytes:
    """Return a small Parquet file of very many rows."""
    schema = pa.schema([(name, pa.float64() if kind == pl.Float64 else pa.string()) for name, kind in _COLUMNS])
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        part = 2**17
        values = {name: pa.array([0.0 if kind == pl.Float64 else "A"] * part) for name, kind in _COLUMNS}
        group = pa.table(values, schema=schema)
        for _ in range(rows // part):
            writer.write_table(group)
    return sink.getvalue()


_COLUMNS = tuple(OBSERVATION_SCHEMA.items())


def delta_encoded(bench: Bench) -> bytes:
    """Return a table whose texts share their beginnings: an encoding that blows up."""
    frame = pl.read_parquet(bench.honest[TABLE]).to_arrow()
    sink = io.BytesIO()
    encodings = {name: "DELTA_BYTE_ARRAY" for name, kind in _COLUMNS if kind == pl.String}
    texts = frame.set_column(0, "office", pa.array(["A" * 60_000] * frame.num_rows))
    texts = texts.cast(pa.schema([(name, pa.string() if name in encodings else pa.float64()) for name, _ in _COLUMNS]))
    pq.write_table(texts, sink, compression="zstd", use_dictionary=False, column_encoding=encodings)
    return sink.getvalue()


def lying_footer(size: int) -> bytes:
    """Return a Parquet file that describes itself in so many bytes."""
    return b"PAR1" + b"\x15" * size + size.to_bytes(4, "little") + b"PAR1"


def many_columns(bench: Bench) -> bytes:
    """Return a table of a thousand columns, as many as fit in a footer of its size."""
    frame = pa.table({f"c{number}": pa.array([0.0] * bench.cells) for number in range(1000)})
    sink = io.BytesIO()
    pq.write_table(frame, sink, compression="zstd", write_statistics=False)
    return sink.getvalue()


def sparse(name: str, size: int) -> Callable[[Path], None]:
    """Return what makes a file of holes."""
    return lambda place: os.truncate(place / name, size)


def replaced(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return what puts something else in a file's place."""

    def put(place: Path) -> None:
        (place / name).unlink(missing_ok=True)
        make(place / name)

    return put


def holed(place: Path, size: int) -> None:
    """Make an unsigned bundle of a folder, whose manifest lists a table of holes as it is."""
    (place / SIGNATURE).unlink()
    manifest = json.loads((place / MANIFEST).read_bytes())
    next(one for one in manifest["resources"] if one["path"] == TABLE)["bytes"] = size
    (place / MANIFEST).write_bytes(canonical_json(manifest))
    os.truncate(place / TABLE, size)


def crowded(place: Path) -> None:
    """Put 100,000 empty members into a folder."""
    for number in range(100_000):
        os.close(os.open(place / f"member-{number}", os.O_CREAT | os.O_WRONLY))


def a_socket(path: Path) -> None:
    """Make a socket at a path, by its short name within its folder."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


FILES: dict[str, tuple[frozenset[str], Callable[[Bench], Files]]] = {
    "a plan nested 100,000 deep": (frozenset({"unreadable"}), lambda b: b.insider(plan__json=b"[" * 100_000)),
    "a plan of two megabytes of lists": (
        frozenset({"unreadable"}),
        lambda b: b.insider(plan__json=b"[" + b"[]," * 600_000 + b"[]]"),
    ),
    "a sheet of two megabytes of lists": (
        frozenset({"metadata"}),
        lambda b: b.insider(metadata__json=b'{"a":[' + b"[]," * 600_000 + b"[]]}"),
    ),
    "a plan with a number of a million digits": (
        frozenset({"unreadable"}),
        lambda b: b.insider(plan__json=b'{"rho":' + b"9" * 1_000_000 + b"}"),
    ),
    "a plan that names things twice": (
        frozenset({"unreadable"}),
        lambda b: b.insider(plan__json=b'{"rho":1,"rho":2}'),
    ),
    "a plan with no number": (frozenset({"unreadable"}), lambda b: b.insider(plan__json=b'{"rho":NaN}')),
    "a plan of 10^12 cells": (
        frozenset({"cells"}),
        lambda b: b.insider(plan__json=planned(b, partners=["A"] * 100_000, periods=["2024"] * 10_000, **_CHAPTERS)),
    ),
    "a plan of cells without end": (
        frozenset({"structure"}),
        lambda b: b.insider(plan__json=planned(b, measures=7)),
    ),
    "a plan of ten megabytes": (frozenset({"size"}), lambda b: b.insider(plan__json=b" " * 10_000_000)),
    "a table of 100 MB in one text": (
        frozenset({"ratio"}),
        lambda b: b.insider(
            observations__parquet=with_table(
                b,
                office=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("A" * 100_000_000)).otherwise(pl.lit("A")),
            )
        ),
    ),
    "a table with one long text for all rows": (
        frozenset({"text"}),
        lambda b: b.insider(observations__parquet=with_table(b, office=pl.lit("A" * 50_000))),
    ),
    "a table of texts that share their beginnings": (
        frozenset({"encoding"}),
        lambda b: b.insider(observations__parquet=delta_encoded(b)),
    ),
    "a table of two million rows in a small file": (
        frozenset({"rows"}),
        lambda b: b.insider(observations__parquet=constant_rows(2**21)),
    ),
    "a table and a plan of two million rows": (
        frozenset({"ratio"}),
        lambda b: b.insider(
            plan__json=planned(b, **_PLAN_OF_MANY),
            observations__csv=b"\n" * (_MANY + 1),
            **{"sdmx-data__csv": b"\n" * (_MANY + 1)},
            observations__parquet=constant_rows(_MANY),
        ),
    ),
    "a table of a thousand columns": (
        frozenset({"columns"}),
        lambda b: b.insider(observations__parquet=many_columns(b)),
    ),
    "a table whose footer has room for ten million columns": (
        frozenset({"footer"}),
        lambda b: b.insider(observations__parquet=lying_footer(1_900_000)),
    ),
    "a table whose footer is longer than it": (
        frozenset({"unreadable"}),
        lambda b: b.insider(observations__parquet=b"PAR1" + b"\xff" * 4 + b"PAR1"),
    ),
    "a table whose footer is noise": (
        frozenset({"unreadable"}),
        lambda b: b.insider(observations__parquet=lying_footer(5000)),
    ),
    "a noisy result of two million rows in a small file": (
        frozenset({"rows"}),
        lambda b: b.insider(measurement__parquet=constant_rows(2**21)),
    ),
    "a CSV of one endless line": (
        frozenset({"rows"}),
        lambda b: b.insider(observations__csv=b"," * 1_900_000),
    ),
    "a CSV of ten million columns": (
        frozenset({"size"}),
        lambda b: b.insider(observations__csv=b"," * 10_000_000 + b"\n"),
    ),
    "a CSV with a long line": (
        frozenset({"line"}),
        lambda b: b.insider(observations__csv=b"\n" * b.cells + b"x" * 1_000_000 + b"\n"),
    ),
    "a CSV of a million lines": (
        frozenset({"rows"}),
        lambda b: b.insider(observations__csv=b"\n" * 1_900_000),
    ),
    "a CSV of nothing but quotes": (
        frozenset({"unreadable", "csv"}),
        lambda b: b.insider(observations__csv=b'"' * 1000 + b"\n" * (b.cells + 1)),
    ),
    "words without end": (frozenset({"size"}), lambda b: b.insider(methods__md=b"a" * 5_000_000)),
    "a signature of ten megabytes": (frozenset({"size"}), lambda b: {**b.honest, SIGNATURE: b" " * 10_000_000}),
    "an unsigned manifest nested 100,000 deep": (
        frozenset({"manifest"}),
        lambda b: {**b.honest, MANIFEST: b"[" * 100_000},
    ),
    **{
        f"an unsigned manifest that lists {path!r}": (
            frozenset({"manifest"}),
            lambda b, path=path: {**b.honest, MANIFEST: _listing(b, path)},
        )
        for path in ("../../etc/passwd", "/etc/passwd", "a/b.csv", "C:\\x", "CON", "plan.json\0", "", ".", "NUL.csv")
    },
    "an unsigned manifest that lists 10 GB": (
        frozenset({"size"}),
        lambda b: {**b.honest, MANIFEST: _sized(b, 10**10)},
    ),
    "an unsigned manifest that lists a size below nothing": (
        frozenset({"manifest"}),
        lambda b: {**b.honest, MANIFEST: _sized(b, -1)},
    ),
}

_MANY = 2**21
_CODES = [one + two for one in ascii_uppercase + digits for two in ascii_uppercase + digits][:1024]
_CHAPTERS = {"chapters": _CODES, "sections": ["01"] * 1024}
_PLAN_OF_MANY = {
    "flows": ["M", "X"],
    "periods": ["2024"],
    "partners": ["A"] * 2**10,
    **_CHAPTERS,
    "measures": [{"large_traders": None, "levels": [{"level": "partner x chapter"}]}],
}

PLACES: dict[str, tuple[frozenset[str], Callable[[Path], object]]] = {
    **{
        f"{name} as 10 GB of holes": (frozenset({"digest"}), sparse(name, 10**10))
        for name in (TABLE, CSV, NOISY, "plan.json")
    },
    f"{SIGNATURE} as 10 GB of holes": (frozenset({"size"}), sparse(SIGNATURE, 10**10)),
    "an unsigned table of 1.9 MB of holes": (frozenset({"holes"}), lambda p: holed(p, 1_900_000)),
    "100,000 members": (frozenset({"too many files"}), crowded),
    "a link to a file elsewhere": (frozenset({"not a file"}), replaced(CSV, lambda p: p.symlink_to("/etc/passwd"))),
    "a link that leads nowhere": (frozenset({"not a file"}), replaced(CSV, lambda p: p.symlink_to("nowhere"))),
    "a link to itself": (frozenset({"not a file"}), replaced(CSV, lambda p: p.symlink_to(p.name))),
    "a link to endless zeros": (frozenset({"not a file"}), replaced(CSV, lambda p: p.symlink_to("/dev/zero"))),
    "a signature that is a link": (
        frozenset({"not a file"}),
        replaced(SIGNATURE, lambda p: p.symlink_to("/dev/zero")),
    ),
    "a pipe": (frozenset({"not a file"}), replaced(CSV, os.mkfifo)),
    "a pipe as the signature": (frozenset({"not a file"}), replaced(SIGNATURE, os.mkfifo)),
    "a socket": (frozenset({"not a file"}), replaced(CSV, a_socket)),
    "a folder": (frozenset({"not a file"}), replaced(CSV, lambda p: p.mkdir())),
    "folders nested": (
        frozenset({"not a file"}),
        lambda p: (p / Path(*["deep"] * 200)).mkdir(parents=True),
    ),
    "a name that writes to the terminal": (
        frozenset({"unlisted"}),
        lambda p: (p / "\x1b[2Jgone").write_bytes(b""),
    ),
}


def _listing(bench: Bench, path: str) -> bytes:
    manifest = json.loads(bench.honest[MANIFEST])
    manifest["resources"][0]["path"] = path
    return canonical_json(manifest)


def _sized(bench: Bench, size: int) -> bytes:
    manifest = json.loads(bench.honest[MANIFEST])
    next(one for one in manifest["resources"] if one["path"] == CSV)["bytes"] = size
    return canonical_json(manifest)


def peak() -> int:
    """Return the process' peak memory since it was last reset, in kB."""
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)


def measured(folder: str, names: list[str]) -> dict[str, list[object]]:
    """Return for each case its findings' codes, the seconds and the megabytes that it took."""
    bench = Bench(Path(folder) / "world")
    place, seen = Path(folder) / "bundle", {}
    registry = bench.world.registry
    assert verify(write_bundle(place, bench.insider()), registry).findings == ()
    for name in names:
        if name in FILES:
            write_bundle(place, FILES[name][1](bench))
        else:
            write_bundle(place, bench.insider())
            PLACES[name][1](place)
        Path("/proc/self/clear_refs").write_text("5")
        memory, began = peak(), time.process_time()
        codes = [finding.code for finding in verify(place, registry).findings]
        seen[name] = [codes, time.process_time() - began, (peak() - memory) / 1024]
    return seen


ALL = {**{name: codes for name, (codes, _) in FILES.items()}, **{name: codes for name, (codes, _) in PLACES.items()}}


@pytest.mark.slow
def test_every_hostile_bundle_is_refused_within_two_seconds_and_a_hundred_megabytes(
    tmp_path: Path, figure: Figure
) -> None:
    seen = call(ROOT, "test_r21_hostile", "measured", tmp_path, list(ALL))
    accepted = [name for name, (codes, *_) in seen.items() if not codes]
    wrong = {name: codes for name, (codes, *_) in seen.items() if codes and codes[0] not in ALL[name]}
    slow = {name: (seconds, size) for name, (_, seconds, size) in seen.items() if seconds > SECONDS or size > MEGABYTES}
    assert (accepted, wrong, slow) == ([], {}, {})
    most = max(seconds for _, seconds, _ in seen.values())
    largest = max(size for *_, size in seen.values())
    figure("R21", f"{len(seen)} hostile bundles refused, at most {most:.2f} s of processor time and {largest:.0f} MB")


FAULTS: dict[str, tuple[Edit | tuple[Edit, ...], str]] = {
    "reads what a page says": (
        Edit(module="bundle/bounds.py", old="_pages_fit(list(_pages_of(content, column)), name,", new="print(name,"),
        "a table of 100 MB in one text",
    ),
    "takes any number of rows": (
        Edit(module="bundle/bounds.py", old="if not rows(metadata.num_rows):", new="if False:"),
        "a table of two million rows in a small file",
    ),
    "reads any size": (
        Edit(module="bundle/bounds.py", old="if cells is None or ending in", new="return 10**12\n    if ending in"),
        "a CSV of ten million columns",
    ),
    "follows what isn't a plain file": (
        (
            Edit(module="bundle/reading.py", old="if not entry.is_file(follow_symlinks=False):", new="if False:"),
            Edit(module="plainfile.py", old="if not stat.S_ISREG(found.st_mode):", new="if False:"),
        ),
        "a pipe",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_program_without_a_bound_is_caught(fault: str, tmp_path: Path, figure: Figure) -> None:
    edit, name = FAULTS[fault]
    edits = edit if isinstance(edit, tuple) else (edit,)
    codes, seconds, size = call(edited(tmp_path, *edits), "test_r21_hostile", "measured", tmp_path / "w", [name])[name]
    assert not codes or codes[0] not in ALL[name] or seconds > SECONDS or size > MEGABYTES
    figure("R21", f"mutant that {fault} caught: {codes[:1] or 'accepted'}, {seconds:.2f} s, {size:.0f} MB")
