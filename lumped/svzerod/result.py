"""Results of a simulation, and the tables in which svZeroDSolver writes them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError, ResourceError
from hemoplan.spelling import hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a simulation keeps, in the user's units.

    Attributes:
        times: (m,) times of the rows; each further cycle that is run until cycles agree counts from 0 again.
        unknowns: (n,) names, such as 'flow:INFLOW:aorta', 'pressure:aorta:OUT' and 'Vc:ventricle'.
        y: (m, n) unknowns.
        rates: (m, n) their rates.
        vessels: Names of the vessels, with their columns of flow and pressure in and out.
        period: Period of the heart.
        cycles: Heart cycles that were run.
        unconverged: Time steps that were taken without convergence, as 'max_iter_error_to_warning' allows.
        unused: Names in 'initial_condition' and 'initial_condition_d' that no unknown bears; they count for nothing, as
            files of svZeroDSolver carry such names.
        by_unknown: Whether the table has a row for each unknown rather than for each vessel.
        means: Whether it has only means over time.
        with_rates: Whether it has rates too.
    """

    times: FloatArray
    unknowns: tuple[str, ...]
    y: FloatArray
    rates: FloatArray
    vessels: tuple[tuple[str, tuple[int, int, int, int]], ...]
    period: float
    cycles: int
    unconverged: int
    unused: tuple[str, ...]
    by_unknown: bool
    means: bool
    with_rates: bool

    def series(self, unknown: str) -> FloatArray:
        """Values (m,) of an unknown.

        Raises:
            CaseError: There is none of this name.
        """
        if unknown not in self.unknowns:
            raise CaseError(f"unknown quantity '{unknown}'; {hint(unknown, self.unknowns)}")
        return self.y[:, self.unknowns.index(unknown)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of a result.

    Attributes:
        names: (r,) vessel or unknown of each row.
        times: (r,) time; NaN where the row is a mean.
        columns: Further columns (r,), by their titles.
    """

    names: tuple[str, ...]
    times: FloatArray
    columns: dict[str, FloatArray]


VESSEL_COLUMNS = ("flow_in", "flow_out", "pressure_in", "pressure_out")


def tabulate(result: Result) -> Table:
    """Arrange a result as the model's simulation parameters ask."""
    if result.by_unknown:
        names = result.unknowns
        columns = {"y": result.y}
        if result.with_rates:
            columns["ydot"] = result.rates
    else:
        names = tuple(name for name, _ in result.vessels)
        indices = np.array([places for _, places in result.vessels], dtype=np.int64).reshape(-1, 4)
        columns = {title: result.y[:, indices[:, k]] for k, title in enumerate(VESSEL_COLUMNS)}
        if result.with_rates:
            columns |= {
                f"d_{title}": result.rates[:, indices[:, k]] for k, title in enumerate(VESSEL_COLUMNS)
            }
    times = result.times
    if result.means:
        times = np.full(1, np.nan)
        columns = {title: values.mean(axis=0, keepdims=True) for title, values in columns.items()}
    return Table(
        names=tuple(name for name in names for _ in range(times.size)),
        times=np.tile(times, len(names)),
        columns={title: values.T.reshape(-1) for title, values in columns.items()},
    )


def write_csv(path: Path, result: Result) -> None:
    """Write a result in the columns and with the digits of svZeroDSolver.

    Raises:
        ResourceError: The file cannot be written.
    """
    table = tabulate(result)
    rows = zip(table.names, table.times, *table.columns.values(), strict=True)
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("name", "time", *table.columns))
            writer.writerows(
                (name, *("" if np.isnan(each) else f"{each:.16e}" for each in row)) for name, *row in rows
            )
    except OSError as error:
        raise ResourceError(
            "cannot write the result", where=str(path), value=error.strerror or error
        ) from None
