"""What officers write: an office and its releases, as TOML, checked whole and told line by line.

This package reads configuration files and nothing else. It knows no records, no ledger and no plan.
"""

from release.config.comparison import Comparison
from release.config.loading import load_comparison, load_office, load_release
from release.config.office import Office
from release.config.release import Release

__all__ = ["Comparison", "Office", "Release", "load_comparison", "load_office", "load_release"]
