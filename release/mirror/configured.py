"""A comparison's file, read: what is agreed, the public tables it names, and where its bundles are.

`mirrors compare` and the dashboard read it alike. What the tables hold is checked by `release.mirror.tables`.
"""

from dataclasses import dataclass, field
from pathlib import Path

from release.config import load_comparison
from release.config.loading import inside
from release.mirror.agreement import Agreement, PublicTables, agreement_of
from release.mirror.tables import read_history, read_rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What was agreed about some bundles before their figures were seen.

    Attributes:
        title: what the comparison is called.
        bundles: bundles, and folders that hold bundles at any depth.
        agreement: the band, factors, error rate and families.
        public: exchange rates and the pairs' public history.
        registry: of the offices whose keys have to have signed; None asks for no signature.
    """

    title: str = "Mirrors"
    bundles: tuple[Path, ...] = ()
    agreement: Agreement = field(default_factory=Agreement)
    public: PublicTables = field(default_factory=PublicTables)
    registry: Path | None = None


def is_comparison(place: Path) -> bool:
    """Return whether a place that someone named is a comparison's file rather than a bundle or a folder of them."""
    return place.suffix == ".toml"


def read_agreed(path: Path, *, published: Path | None = None) -> Agreed:
    """Return what a comparison's TOML agrees on; `published` replaces its own folder as the root of its bundles.

    Raises:
        ConfigError: the file or a table that it names has faults.
    """
    config = load_comparison(path)
    folder = path.parent
    tables = PublicTables(
        rates={} if config.rates is None else read_rates(inside(folder, config.rates.table)),
        history=() if config.history is None else read_history(inside(folder, config.history.table)),
        history_source=None if config.history is None else config.history.source,
    )
    root = published or folder
    return Agreed(
        title=config.title,
        bundles=tuple(inside(root, place) for place in config.bundles),
        agreement=agreement_of(config),
        public=tables,
        registry=None if config.registry is None else inside(folder, config.registry),
    )
