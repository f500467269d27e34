"""Practice worlds: synthetic declarations of several offices in which the same shipment stands twice, with known truth.

Nothing here is a record of an office, so this package is no part of `release.confidential`, and its
worlds may be seeded.
"""

from release.practice.answers import Answer
from release.practice.generation import OfficeFacts, PairFacts, WorldFacts, generate
from release.practice.world import Asymmetries, Discrepancy, Side, World

__all__ = [
    "Answer",
    "Asymmetries",
    "Discrepancy",
    "OfficeFacts",
    "PairFacts",
    "Side",
    "World",
    "WorldFacts",
    "generate",
]
