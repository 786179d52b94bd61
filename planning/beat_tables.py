"""Tables of a beat of the 0D circulation for the terminal, in clinical units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from hemoplan.units import ML_PER_MIN, ML_PER_S, MMHG
from lumped.circulation.kinds import holds_blood
from lumped.engine.marching import History
from planning.wording import plain, signed, spoken

type Curve = NDArray[np.floating]

ML = 1e-6


def compartments(history: History, before: History | None = None) -> Table:
    """Pressure and volume of each compartment; with the change of the mean pressure since before."""
    table = _table("compartment", "pressure, highest/lowest (mean) \\[mmHg]", "volume \\[mL]")
    if before is not None:
        table.add_column("mean pressure, change", justify="right")
    for each in history.model.circulation.compartments:
        cells = [spoken(each.name), _swing(history.pressure(each.name) / MMHG)]
        cells.append(_range(history.volume(each.name) / ML) if holds_blood(each) else "")
        if before is not None:
            known = each.name in before.model.nodes
            old = mean(before.pressure(each.name)) if known else np.nan
            cells.append(signed((mean(history.pressure(each.name)) - old) / MMHG, 1) if known else "new")
        table.add_row(*cells)
    return table


def connections(history: History, before: History | None = None) -> Table:
    """Mean flow of each connection, its extremes and the mean drop along it; with the change of the flow."""
    table = _table("connection", "mean flow \\[mL/min]", "highest, lowest \\[mL/s]", "drop \\[mmHg]")
    if before is not None:
        table.add_column("flow, change", justify="right")
    model = history.model
    for each in model.circulation.connections:
        flow = history.flow(each.name)
        ends = [name for name in (each.source, each.target) if name in model.nodes]
        drop = (
            mean(history.pressure(ends[0]) - history.pressure(ends[1])) / MMHG if len(ends) == 2 else np.nan
        )
        cells = [
            spoken(each.name),
            plain(mean(flow) / ML_PER_MIN, 0),
            f"{plain(flow.max() / ML_PER_S, 1)}, {plain(flow.min() / ML_PER_S, 1)}",
            plain(drop, 1) if np.isfinite(drop) else "",
        ]
        if before is not None:
            known = each.name in before.model.edges
            old = mean(before.flow(each.name)) if known else np.nan
            cells.append(signed((mean(flow) - old) / ML_PER_MIN, 0) if known else "new")
        table.add_row(*cells)
    return table


def mean(curve: Curve) -> float:
    """Mean over a beat of a curve whose last point is its first."""
    return float(np.trapezoid(curve) / (curve.size - 1))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index else "left")
    return table


def _swing(curve: Curve) -> str:
    return f"{plain(curve.max(), 1)}/{plain(curve.min(), 1)} ({plain(mean(curve), 1)})"


def _range(curve: Curve) -> str:
    return f"{plain(curve.min(), 2)} to {plain(curve.max(), 2)}"
