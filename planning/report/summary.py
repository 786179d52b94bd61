"""What the terminal shows at the end of a run: the most telling rows of the comparison, and where the results lie."""

from __future__ import annotations

import os
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from planning.plan import Goal, Plan
from planning.report.compare import Comparison
from planning.run_folder import RunFolder
from planning.stages.results import read_comparison
from planning.wording import plain, signed, spoken

_OF_THE_LOOP = (
    "circulation.qp_over_qs",
    "circulation_0d.qp_over_qs",
    "circulation.output.left_ventricle",
    "circulation.output.right_ventricle",
)
"""What a closed circulation adds to the most telling rows."""


def show_summary(plan: Plan, goal: Goal, console: Console) -> None:
    """Print the end of a run."""
    if goal >= Goal.COMPARE:
        console.print()
        console.print(tabulate(read_comparison(plan), plan.case.patient.cuff.site))
    for label, path in _products(plan.run, goal):
        console.print(f"{label + ':':<12} {_shorten(path)}", highlight=False, soft_wrap=True)


def tabulate(comparison: Comparison, site: str) -> Table:
    """The rows that answer the question, a column a variant with its difference to the baseline."""
    keys = [
        *(row.key for row in comparison.rows if row.key in _OF_THE_LOOP),
        "peak_to_peak_gradient",
        "mean_gradient",
        f"systolic.{site}",
        *(row.key for row in comparison.rows if row.key.startswith("split.")),
        "power_loss",
        "peak_velocity",
        "tawss_p01",
        "tawss_median",
        "tawss_p99",
    ]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for name in comparison.variants:
        table.add_column(spoken(name), justify="right")
    for row in (comparison.row(key) for key in keys):
        cells = [
            plain(value, row.digits)
            if name == comparison.baseline
            else f"{plain(value, row.digits)} ({signed(difference, row.digits)})"
            for name, value, difference in zip(comparison.variants, row.values, row.differences, strict=True)
        ]
        unit = f" [{row.unit}]" if row.unit else ""
        table.add_row(f"{row.label}{unit}".replace("[", "\\["), *cells)
    return table


def _products(run: RunFolder, goal: Goal) -> list[tuple[str, Path]]:
    match goal:
        case Goal.SEGMENT:
            return [("surface", run.surface), ("centreline", run.centerline)]
        case Goal.MESH:
            return [("meshes", run.variants)]
        case Goal.SOLVE:
            return [("fields", run.variants), ("calibration", run.calibration)]
        case Goal.COMPARE:
            return [("table", run.comparison)]
        case _:
            return [("table", run.comparison), ("report", run.report)]


def _shorten(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
