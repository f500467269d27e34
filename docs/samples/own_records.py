"""Practice records of an office of one's own: 4,000 declaration lines of 300 invented traders.

python own_records.py OUT.csv
"""

import csv
import random
import sys
from pathlib import Path

COLUMNS = ("trader", "date", "flow", "partner", "commodity", "value")


def main() -> None:
    """Write the file."""
    draw = random.Random(1)
    with Path(sys.argv[1]).open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        lines.writerows(line(draw) for _ in range(4000))


def line(draw: random.Random) -> tuple[str, ...]:
    """Return a declaration line with a heavy-tailed value, about US$ 30,000 on average."""
    return (
        f"T{draw.randint(1, 300):03}",
        f"2024-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
        draw.choice("MX"),
        draw.choice(("DE", "IT", "CH", "US", "CN")),
        draw.choice(("100630", "270900", "847130", "870323", "940360")),
        f"{draw.paretovariate(1.5) * 10_000:.2f}",
    )


if __name__ == "__main__":
    main()
