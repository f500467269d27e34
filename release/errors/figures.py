"""Records, priors and public figures that can't be read or used: exit code 4."""

from collections.abc import Sequence

from release.errors.families import DataError


class FetchError(DataError):
    """A provider of public figures gave no whole answer."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"UN Comtrade was asked, and {reason}. Nothing was written.")


class ConfidentialPriorError(DataError):
    """A release's prior is its own records."""

    def __init__(self, release: str) -> None:
        self.release = release
        super().__init__(
            f"The prior of release {release} is one of its confidential files, so its noise would tell the records."
            " Nothing was charged or written. A prior is an earlier period's public figure."
        )


class SourceMissingError(DataError):
    """No source was named, or there is nothing where it should be."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"There is no source at {place}. Nothing was charged or written. Name it with --source, or in the config."
        )


class DatabaseError(DataError):
    """The database that holds the records can't be reached or read; its own words could quote a record."""

    def __init__(self, service: str, reason: str) -> None:
        self.service, self.reason = service, reason
        super().__init__(
            f"The database of the service {service} can't be used: {reason}. Nothing was charged or written."
            " Correct its entry in pg_service.conf, its password file or the role's rights, until"
            f" `psql service={service}` can read the table, and run again."
        )


class NotStoredError(DataError):
    """A database's table whose rows are worked out while they are read: one that fails would tell of a record."""

    def __init__(self, table: str, reason: str, other: str = "") -> None:
        self.table, self.reason = table, reason
        super().__init__(
            f"{table} is refused as a source: {reason}, which the server works out while it is read, so that one record"
            " could end a run. Nothing was read, charged or written. Keep the records in a table or a materialized"
            f" view.{other}"
        )


class SchemaError(DataError):
    """The source hasn't the columns that the config maps."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        listing = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(
            "The source doesn't have the schema that the config names; nothing was charged or written.\n" + listing
        )


class MicrodataError(DataError):
    """Work on records failed; why isn't told, since the reason could quote a record."""

    def __init__(self, step: str) -> None:
        self.step = step
        super().__init__(
            f"The step {step!r} failed on the source. The reason isn't shown here, because it could quote a record;"
            " `mirrors source check` looks at the file privately. No number was released. If the release was"
            " charged already, run it again: it goes on under the same charge."
        )


class SourceChangedError(DataError):
    """The records aren't those that the charge names."""

    def __init__(self, release: str) -> None:
        self.release = release
        super().__init__(
            f"The source isn't the one that release {release} was charged for, or it changed while it was read."
            " No number was released. Put the charged file back and run again, or plan a new release."
        )


class UnusableMeasurementsError(DataError):
    """Noisy measurements that can't be reconciled: unequal shapes, unusable numbers, or no noise at all."""

    def __init__(self, level: str, problem: str) -> None:
        self.level = level
        self.problem = problem
        super().__init__(
            f"These measurements aren't reconciled ({level}): {problem}. Nothing was estimated or written."
        )


class ContradictoryExactCellsError(DataError):
    """Cells that are said to be known exactly don't add up."""

    def __init__(self, gap: float) -> None:
        self.gap = gap
        super().__init__(
            f"Cells with the standard deviation 0 miss their own sums by up to {gap:g}. Nothing was estimated or"
            " written; give these cells the standard deviation that they have, or correct them."
        )


class DeclarationsError(DataError):
    """A trader's own figures for `mirrors protect` can't be read as the file says; lines are told, figures aren't."""

    def __init__(self, place: str, problems: Sequence[str]) -> None:
        self.place = place
        self.problems = tuple(problems)
        listing = "\n".join(f"  {problem}" for problem in self.problems[:20])
        super().__init__(
            f"{place} can't be read as a trader's figures; nothing was computed, and nothing was sent anywhere.\n"
            f"{listing}\n"
            "It is CSV in UTF-8 with the columns flow,period,partner,product,value (and net_mass, declarations): "
            "M,2024-03,DE,870323,1250.50"
        )
