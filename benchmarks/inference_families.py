"""The part of the simulation of mirror tests that judges many correlated cells together."""

from collections.abc import Iterator

import numpy as np
from inference_figures import Figure

from release.inference import Adjustment, Band, adjusted, mirrors
from release.inference.bands import Array
from release.inference.verdicts import edges, p_differs


def reconciled_covariance(partners: int, chapters: int, sd: Array) -> Array:
    """Covariance of exact generalised least squares estimates of partner x chapter cells, flattened.

    Args:
        partners: number of partners.
        chapters: number of chapters.
        sd: noise of the levels total, partner, chapter, cell, shape (4,).
    """
    one_p, one_c = np.ones((1, partners)), np.ones((1, chapters))
    levels = (
        np.kron(one_p, one_c),
        np.kron(np.eye(partners), one_c),
        np.kron(one_p, np.eye(chapters)),
        np.eye(partners * chapters),
    )
    information = sum(level.T @ level / scale**2 for level, scale in zip(levels, sd, strict=True))
    return np.asarray(np.linalg.inv(information))


def discoveries(rng: np.random.Generator, repeats: int) -> Iterator[Figure]:
    """False discovery rates over 800 cells of two offices, each side's estimates reconciled and so correlated."""
    partners, chapters, band = 8, 100, Band(tolerance=0.25)
    cells = partners * chapters
    edge = np.where(np.arange(cells) % 2 == 0, band.low, band.high)
    for noise in (0.02, 0.10, 0.50):
        covariance = reconciled_covariance(partners, chapters, noise * np.array([4.0, 2.5, 2.0, 1.0]))
        root, sd = np.linalg.cholesky(covariance), np.sqrt(np.diag(covariance))
        for name, share in (("none", 0.0), ("5 %", 0.05), ("50 %", 0.5)):
            differing = rng.permutation(cells) < share * cells
            ratio = np.where(differing, np.where(edge < 1.0, 0.45, 1.9), edge)
            rates: dict[Adjustment, list[float]] = {how: [] for how in Adjustment}
            for _ in range(repeats):
                x, m = 1.0 + root @ rng.standard_normal(cells), ratio + root @ rng.standard_normal(cells)
                p = p_differs(mirrors(x=x, x_sd=sd, m=m, m_sd=sd), *edges(band, cells))
                for how in Adjustment:
                    found = adjusted(p, how) <= 0.05
                    false = int((found & ~differing).sum())
                    share_false = float(false > 0) if how is Adjustment.HOLM else false / max(1, int(found.sum()))
                    rates[how].append(share_false)
            for how in Adjustment:
                rate = "any false differs" if how is Adjustment.HOLM else "false discovery rate"
                claim = f"{rate}, {how}; 800 cells, {name} differ"
                yield Figure(claim=claim, noise=noise, seen=float(np.mean(rates[how])), most=0.05)
