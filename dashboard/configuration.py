"""A drafted release's configuration as TOML, for an office to complete with its own source."""

from collections.abc import Sequence

from release.config.measures import LevelScale
from release.config.priors import Prior
from release.config.release import Release
from release.privacy import amount_text

_COLUMNS = ("trader", "date", "flow", "partner", "commodity", "value")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def toml_of(release: Release, notes: Sequence[str] = ()) -> str:
    """Return a release's configuration as TOML, led by notes for whoever completes it."""
    lines = [
        "# A draft. Complete [source] with your own file and columns; then: mirrors plan FILE",
        *(f"# {note}" for note in notes),
        *(f"{key} = {_quoted(value)}" for key, value in (("release", release.release), ("title", release.title))),
        f"year = {release.year}",
        f"periods = {_list(release.periods)}",
        f"flows = {_list(release.flows)}",
        "",
        "[source]",
        f"name = {_quoted(release.source.name)}",
        'path = "declarations.csv"',
        'layout = "csv"',
        "[source.columns]",
        *(f'{name} = "{name}"' for name in _COLUMNS),
        "",
        "[keys]",
        f"partners = {_list(release.keys.partners)}",
        f"chapters = {_list(release.keys.chapters)}",
        *(f"headings = {_list(codes)}" for codes in (release.keys.headings,) if codes),
        *(f"subheadings = {_list(codes)}" for codes in (release.keys.subheadings,) if codes),
        "",
        *(_prior(release.prior) if release.prior is not None else ()),
    ]
    for measure in release.measures:
        lines += ["[[measures]]", f'name = "{measure.name}"', f'rho = "{amount_text(measure.rho)}"']
        lines += _levels(measure.levels)
        tier = measure.large_traders
        if tier is not None:
            lines += ["[measures.large_traders]", f'ceiling = "{amount_text(tier.ceiling)}"']
            lines += [f'beyond = "{tier.beyond}"', *_levels(tier.levels)]
    return "\n".join([*lines, ""])


def _prior(prior: Prior) -> list[str]:
    names = ("publisher", "period", "published", "bundle" if prior.bundle is not None else "table")
    given = [f"{name} = {_quoted(str(getattr(prior, name)))}" for name in names]
    return ["[prior]", *given, f'growth = "{amount_text(prior.growth)}"', ""]


def _levels(scales: Sequence[LevelScale]) -> list[str]:
    told = [
        f'    {{ level = "{one.level}", relative_noise = "{amount_text(one.relative_noise)}",'
        f' floor = "{amount_text(one.floor)}" }},'
        for one in scales
        if one.relative_noise is not None and one.floor is not None
    ]
    return ["levels = [", *told, "]"]


def _quoted(text: str) -> str:
    shown = "".join(letter if letter.isprintable() or letter in "\n\r\t" else "?" for letter in text)
    return f'"{shown.translate(_ESCAPES)}"'


def _list(texts: Sequence[str]) -> str:
    return _quoted(texts) if isinstance(texts, str) else f"[{', '.join(_quoted(str(text)) for text in texts)}]"
