"""R10: no invalid privacy parameter gets through, and no valid one is refused.

Configs are drawn from lists of right and wrong values, written by hand for each parameter, so that a config is known to
be valid by how it was made. Besides, mangled files show that nothing but a `ConfigError` comes out of loading.
"""

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from edited_program import Edit, call, edited
from offices import OFFICE, RELEASE, write_office

from release.config import load_release
from release.errors import ConfigError
from release.plan import make_plan

Figure = Callable[[str, str], None]

NEVER = (
    "nan", "inf", "-inf", "true", "false", "0.5", "1", "0", "-1", "[]", "{}", "1979-05-27", "07:32:00", '""', '"nan"',
    '"inf"', '"-1"', '"-0.5"', '"+1"', '" 1"', '"1 "', '"1e-320"', '"1e30"', '"1e400"', '"1e-400"', '"1/0"', '"0/0"',
    '"1/-2"', '"0x1p-1"', '"1_0"', '"1,5"', '"٠.٥"', '"０.５"', '"½"', '"1e"', '".5"', '"5."', '"--1"', '"true"',
    '"null"', '"1\\u0000"', '"1\\n"', '"NaN"', '"Infinity"', f'"{"9" * 40}"', f'"1{"0" * 30}"', '"1/1/1"', '"\\u22121"',
)  # fmt: skip
"""Values that no amount may have, as TOML."""

RIGHT_AND_WRONG = {
    "rho": (('"1/2"', '"0.5"', '"0.001"', '"1e-3"', '"2"', '"7/3"', '"12"'), ('"0"', '"0.0"', '"1e-9"', '"1001"')),
    "rho_cap": (('"12"', '"1000"', '"12.5"'), ('"0"', '"1001"', '"1e9"')),
    "delta": (('"1e-8"', '"1e-15"', '"0.0001"', '"1/100000000"'), ('"1"', '"2"', '"1e-3"', '"0"', '"1e-16"', '"0.99"')),
    "limit": (('"3"', '"100"', '"1000"', '"3.25"'), ('"0"', '"1001"', '"1e-9"')),
    "reserve": (('"0"', '"1/2"', '"2.999"', '"0.001"'), ('"1000"', '"1e-9"', '"1001"')),
    "noise_sd": (('"1e5"', '"20000"', '"3e4"', '"123456.789"', '"200000/3"'), ('"0"', '"1e17"', '"1e-7"')),
    "value_decimals": (("0", "1", "2", "3"), ("4", "-1", "2.0", '"2"', "true", "nan", "99999999999999999999999")),
    "year": (("2024",), ("1899", "2201", "2023", "true", '"2024"', "2024.0", "nan", "0x" + "F" * 5000)),
}  # fmt: skip
"""For each parameter, TOML values that are right, and ones that are wrong for this parameter."""

AMOUNTS = ("rho", "rho_cap", "delta", "limit", "reserve", "noise_sd")

OFFICE_FORM = OFFICE.replace(
    'limit = "100"\ndelta = "1e-8"',
    "limit = <limit>\ndelta = <delta>\nreserve = <reserve>\n\n[policy]\nrho_cap = <rho_cap>",
)
RELEASE_FORM = (
    RELEASE.replace("year = 2024", "year = <year>")
    .replace('layout = "csv"', 'layout = "csv"\nvalue_decimals = <value_decimals>')
    .replace('rho = "1/2"', "rho = <rho>")
    .replace('level = "total", noise_sd = "1e5" },\n', 'level = "total", noise_sd = <noise_sd> },\n')
)


def wrong_values(name: str) -> tuple[str, ...]:
    """Return everything that a parameter may not be; what an amount may never be is wrong for all amounts."""
    own = RIGHT_AND_WRONG[name][1]
    return (*own, *(value for value in NEVER if name in AMOUNTS))


def drawn(chance: random.Random) -> tuple[dict[str, str], bool]:
    """Return values for all parameters and whether they are valid together; one in three draws has no wrong one."""
    values = {name: chance.choice(right) for name, (right, _) in RIGHT_AND_WRONG.items()}
    for name in chance.sample(sorted(values), chance.choice((0, 1, 1, 1, 2, 4))):
        values[name] = chance.choice(wrong_values(name))
    return values, valid(values)


def valid(values: dict[str, str]) -> bool:
    """Decide by the lists, and by what the parameters must be to each other; exact."""
    if any(value not in RIGHT_AND_WRONG[name][0] for name, value in values.items()):
        return False
    amounts = {name: Fraction(values[name].strip('"')) for name in AMOUNTS}
    whole = amounts["rho"] + 3 * Fraction(1, 4)
    return amounts["reserve"] < amounts["limit"] and whole <= amounts["rho_cap"]


def filled(form: str, values: dict[str, str]) -> str:
    """Return a config's form with the values in their places."""
    for name, value in values.items():
        form = form.replace(f"<{name}>", value)
    return form


def judged(folder: str, count: int, seed: int) -> dict[str, int]:
    """Return how many configs were valid, how many invalid ones were accepted and valid ones refused."""
    place = write_office(Path(folder))
    chance = random.Random(seed)
    found = {"valid": 0, "invalid accepted": 0, "valid refused": 0}
    for _ in range(count):
        values, good = drawn(chance)
        (place.folder / "office.toml").write_text(filled(OFFICE_FORM, values))
        place.release.write_text(filled(RELEASE_FORM, values))
        try:
            make_plan(*load_release(place.release))
            accepted = True
        except ConfigError:
            accepted = False
        found["valid"] += good
        found["invalid accepted"] += accepted and not good
        found["valid refused"] += good and not accepted
    return found


@pytest.mark.slow
def test_of_five_thousand_configs_exactly_the_valid_ones_are_accepted(tmp_path: Path, figure: Figure) -> None:
    found = judged(str(tmp_path), 5000, seed=10)
    assert found["invalid accepted"] == 0
    assert found["valid refused"] == 0
    assert found["valid"] >= 500
    figure("R10", f"5,000 configs, {found['valid']} valid: 0 invalid accepted, 0 valid refused")


TOKENS = (
    b"nan", b"inf", b"[", b"]", b"{", b"}", b'"', b"'", b'"""', b"=", b"\n", b"#", b"\\", b"\0", b"\xff",
    b"0x" + b"F" * 5000, b"9" * 5000, b"-", b".", b",", b"true", b"[source]",
    b"[[measures]]", b"\xe2\x80\xae", b"..", b"/etc/passwd", b"~",
)  # fmt: skip


def mangled(text: bytes, chance: random.Random) -> bytes:
    """Return a config's bytes with some cut, doubled, moved or replaced."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((0, 1, 3, 20, 200)))
        part = chance.choice((b"", chance.choice(TOKENS), text[start:end] * 2, bytes([chance.randrange(256)])))
        text = text[:start] + part + text[end:]
    return text


def test_mangled_files_are_refused_as_config_or_good(tmp_path: Path, figure: Figure) -> None:
    place = write_office(tmp_path)
    office_file = tmp_path / "office.toml"
    good = {place.release: place.release.read_bytes(), office_file: office_file.read_bytes()}
    chance = random.Random(19)
    refused = 0
    for _ in range(1200):
        path = chance.choice((place.release, office_file))
        path.write_bytes(mangled(good[path], chance))
        try:
            make_plan(*load_release(place.release))
        except ConfigError:
            refused += 1
        path.write_bytes(good[path])
    assert 900 < refused < 1200
    figure("R10", f"1,200 mangled files: {refused} refused as config, the rest loaded, no other error")


def test_a_config_that_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    place = write_office(tmp_path)
    (tmp_path / "circle.toml").symlink_to("circle.toml")
    (tmp_path / "outside.toml").symlink_to("/etc/hostname")
    for inner in ("circle.toml", "outside.toml", "none.toml", "x" * 200, "."):
        place.release.write_text(RELEASE.replace("office.toml", inner))
        with pytest.raises(ConfigError):
            load_release(place.release)
    with pytest.raises(ConfigError):
        load_release(tmp_path)


NO_CAPS = Edit(module="privacy.py", old="    if not low <= amount <= high:", new="    if amount < 0:")
BENT = Edit(
    module="privacy.py",
    old="    if not isinstance(text, str):\n        raise",
    new="    text = str(text) if isinstance(text, float) else text\n    if not isinstance(text, str):\n        raise",
)
NO_POLICY = Edit(module="config/faults.py", old="    if rho > office.policy.rho_cap:", new="    if False:")


@pytest.mark.parametrize("fault", [NO_CAPS, BENT, NO_POLICY], ids=["no caps", "floats bent to text", "no policy"])
def test_a_program_that_lets_an_invalid_parameter_through_is_caught(
    fault: Edit, tmp_path: Path, figure: Figure, request: pytest.FixtureRequest
) -> None:
    found = call(edited(tmp_path, fault), "test_r10_parameters", "judged", tmp_path / "office", 400, 11)
    assert found["invalid accepted"] > 0
    figure("R10", f"mutant {request.node.callspec.id} caught")


PLACES = (
    ('[ledger]\nurl = "sqlite:///state/ledger.sqlite"', '[ledger]\nurl = "sqlite:///published/ledger.sqlite"'),
    ('area = "AX"', 'area = "AX"\nstate = "published/state"'),
    ('area = "AX"', 'area = "AX"\npublished = "state/published"'),
    ('area = "AX"', 'area = "AX"\nstate = "a"\npublished = "./a"'),
)


@pytest.mark.parametrize(("old", "new"), PLACES)
def test_private_things_may_not_lie_in_the_place_of_publication(old: str, new: str, tmp_path: Path) -> None:
    place = write_office(tmp_path, office=OFFICE.replace(old, new))
    with pytest.raises(ConfigError, match="publication"):
        load_release(place.release)


RELEASE_FAULTS = (
    ('path = "records.csv"', 'path = "published/records.csv"', "outside the place of publication"),
    ('trader = "trader"', 'trader = { column = "trader", translate = { T1 = "T2" } }', "trader_ids"),
    ('layout = "csv"', 'layout = "csv"\ndate_format = "%Q"', "date format"),
    ('partners = ["DE", "FR", "US"]', 'partners = ["DE", "ＤＥ"]', "twice"),
    ('partners = ["DE", "FR", "US"]', 'partners = ["DE", "DЕ"]', "no code"),
    ('partners = ["DE", "FR", "US"]', "partners = []", "at least one"),
    ('partners = ["DE", "FR", "US"]', 'partners = ["DE", "QQ"]', "codelist"),
    ('partners = ["DE", "FR", "US"]', 'partners = ["DE", "_X"]', "codelist"),
    ('partners = ["DE", "FR", "US"]', 'partners = ["DE", "W0"]', "codelist"),
    ('partners = ["DE", "FR", "US"]', 'partners = ["DE", ""]', "no code"),
)


@pytest.mark.parametrize(("old", "new", "word"), RELEASE_FAULTS)
def test_a_release_that_could_tell_or_split_something_is_refused(old: str, new: str, word: str, tmp_path: Path) -> None:
    place = write_office(tmp_path, release=RELEASE.replace(old, new))
    with pytest.raises(ConfigError, match=word):
        make_plan(*load_release(place.release))
