"""Public priors as values: figures published earlier, matched to a release's cells."""

from release.priors.loading import load_prior

__all__ = ["load_prior"]
