"""Broken clips and preparations, each an edit of the real source, that R12 must catch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from types import ModuleType

from clip_world import AT_THE_END, edited

from release.confidential import clip, leaves, preparation

_UNGUARDED = {'return _within_bound(clipped, over.select("trader"), bound)': "return clipped"}
_TRADER = "trader=self._trader(batch),"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """What is broken, in words, and the edits of the modules that break it."""

    clip: Mapping[str, str] | None = None
    leaves: Mapping[str, str] | None = None
    preparation: Mapping[str, str] | None = None

    def modules(self, place: Path, name: str) -> dict[str, ModuleType]:
        """Return the modules of this mutant, loaded from `place`, as `contributions` takes them."""
        return {
            "preparing": _loaded(preparation, self.preparation, place, f"{name}_preparation"),
            "summing": _loaded(leaves, self.leaves, place, f"{name}_leaves"),
            "clipping": _loaded(clip, self.clip, place, f"{name}_clip"),
        }


def _loaded(module: ModuleType, edits: Mapping[str, str] | None, place: Path, name: str) -> ModuleType:
    return module if edits is None else edited(module, place=place, name=name, edits=edits)


def _anew(body: str) -> dict[str, str]:
    """Return the edit that defines `pre_noise` anew: `body` makes `clipped`, which is summed."""
    whole = f"{dedent(body).strip()}\nreturn summed(clipped, measure.cells)\n"
    return {AT_THE_END: "\ndef pre_noise(amounts, measure):\n" + indent(whole, "    ")}


MUTANTS: Mapping[str, Mutant] = {
    "clip_by_row": Mutant(preparation={_TRADER: "trader=self._rows(batch),"}),
    "one_level_skipped": Mutant(
        clip=_anew(
            """
            inside = pl.col("cell") >= measure.levels[0].cells
            stacked = whitened(capped(amounts, measure), measure)
            skipped = stacked.filter(~inside).rename({"a": "u"})
            clipped = pl.concat([clip(stacked.filter(inside), measure.bound), skipped])
            """
        )
    ),
    "norm_for_each_level_alone": Mutant(
        clip=_anew(
            """
            ends = np.cumsum([level.cells for level in measure.levels]).tolist()
            stacked = whitened(capped(amounts, measure), measure)
            levels = [stacked.filter(pl.col("cell").is_between(a, b - 1)) for a, b in zip([0, *ends], ends)]
            clipped = pl.concat([clip(level, measure.bound) for level in levels])
            """
        )
    ),
    "root_rounded_down": Mutant(clip={"isqrt(square - 1) + 1": "isqrt(square)"} | _UNGUARDED),
    "floor_on_negatives": Mutant(
        clip={
            'pl.col("amount").clip(lower_bound=0)': 'pl.col("amount")',
            '.filter(pl.col("amount") > 0)': '.filter(pl.col("amount") != 0)',
        }
        | _UNGUARDED
    ),
    "residual_outside_the_norm": Mutant(
        clip=_anew(
            """
            listed = pl.col("leaf") // 5 % 3 < 2
            inside = whitened(capped(amounts.filter(listed), measure), measure)
            residual = whitened(capped(amounts.filter(~listed), measure), measure).rename({"a": "u"})
            clipped = pl.concat([clip(inside, measure.bound), residual])
            """
        )
    ),
    "ids_not_normalised": Mutant(preparation={"lambda raw: trader(raw, field, self._ids)": "lambda raw: raw"}),
    "duplicates_counted_once_across_traders": Mutant(
        leaves={'frame.unique(["key",': 'frame.with_columns(leaf=pl.col("key") % 1024).unique(["leaf",'}
    ),
}

_SQUARES = '"trader").agg((wide * wide).sum().alias("S"))\n    over'
WRAPPING: Mapping[str, str] = {_SQUARES: _SQUARES.replace("wide", 'pl.col("a")')} | _UNGUARDED
"""Edits of the clip by which squares are added in 64 bits; only wide releases have squares so large."""

AUDITED: Mapping[str, Mutant] = {
    "one_level_skipped": MUTANTS["one_level_skipped"],
    "norm_for_each_level_alone": MUTANTS["norm_for_each_level_alone"],
    "unit_split_by_month": Mutant(preparation={_TRADER: "trader=self._trader(batch) * 16 + self._periods(batch),"}),
}
"""Mutants of the clip and the preparation that the audit of the noise must catch as well."""
