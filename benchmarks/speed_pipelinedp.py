"""PipelineDP on its local backend, on the lines of `speed_rivals.py flat`: four levels, one measure, epsilon 5.

    PYTHON benchmarks/speed_pipelinedp.py LINES.parquet PARTNERS CHAPTERS

PYTHON is that of an environment with `pipeline-dp` and `pyarrow`. Each trader keeps as many cells of a level as
`speed_rivals.KEPT` says, with one line each, clipped.
"""

import sys

import pipeline_dp
import pyarrow.parquet as pq

KEPT = {"total": 1, "partner": 8, "chapter": 8, "partner x chapter": 16}
CLIP = 10**9


def main(lines: str, partners: int, chapters: int) -> None:
    """Answer a query a level."""
    table = pq.read_table(lines)
    rows = list(zip(*(table[name].to_pylist() for name in ("trader", "leaf", "cents")), strict=True))
    block = partners * chapters
    levels = {
        "total": (2, lambda row: row[1] // block),
        "partner": (2 * partners, lambda row: row[1] // chapters),
        "chapter": (2 * chapters, lambda row: row[1] // block * chapters + row[1] % chapters),
        "partner x chapter": (2 * block, lambda row: row[1]),
    }
    accountant = pipeline_dp.NaiveBudgetAccountant(total_epsilon=5, total_delta=1e-8)
    engine = pipeline_dp.DPEngine(accountant, pipeline_dp.LocalBackend())
    answers = {}
    for level, (cells, cell) in levels.items():
        asked = pipeline_dp.AggregateParams(
            noise_kind=pipeline_dp.NoiseKind.GAUSSIAN,
            metrics=[pipeline_dp.Metrics.SUM],
            max_partitions_contributed=KEPT[level],
            max_contributions_per_partition=1,
            min_value=0,
            max_value=CLIP,
        )
        takes = pipeline_dp.DataExtractors(
            privacy_id_extractor=lambda row: row[0], partition_extractor=cell, value_extractor=lambda row: row[2]
        )
        answers[level] = engine.aggregate(rows, asked, takes, public_partitions=list(range(cells)))
    accountant.compute_budgets()
    for level, answer in answers.items():
        print(level, sum(1 for _ in answer))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
