"""Tables of a beat of the 0D circulation for the terminal, in clinical units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.markup import escape
from rich.table import Table

from hemoplan.units import ML, ML_PER_MIN, ML_PER_S, MMHG
from lumped.circulation.kinds import holds_blood
from lumped.engine.marching import History
from lumped.engine.measures import mean_over_beat
from lumped.physiology import Physiology
from lumped.physiology.landmarks import landmark
from planning.wording import plain, signed, spoken


def _swing_names(role: str) -> tuple[str, ...]:
    return tuple(f"pressure.@{role}.{statistic}" for statistic in ("systolic", "diastolic", "mean"))


type Curve = NDArray[np.floating]


_SUMMARY = (
    ("heart rate", ("heart_rate",), 0),
    ("aorta, systolic/diastolic (mean)", _swing_names("aorta"), 0),
    ("pulmonary artery, systolic/diastolic (mean)", _swing_names("pulmonary_artery"), 0),
    ("right atrium, mean", ("pressure.@right_atrium.mean",), 1),
    ("left atrium, mean", ("pressure.@left_atrium.mean",), 1),
    ("systemic flow Qs", ("systemic_flow",), 0),
    ("pulmonary flow Qp", ("pulmonary_flow",), 0),
    ("Qp/Qs", ("qp_over_qs",), 2),
    ("left ventricle, end-diastolic volume", ("volume.left_ventricle.end_diastolic",), 1),
    ("left ventricle, ejection fraction", ("ejection_fraction.left_ventricle",), 0),
    ("right ventricle, end-diastolic volume", ("volume.right_ventricle.end_diastolic",), 1),
    ("right ventricle, ejection fraction", ("ejection_fraction.right_ventricle",), 0),
    ("coronary perfusion pressure", ("coronary_perfusion_pressure",), 0),
    ("systemic resistance", ("resistance.systemic",), 1),
    ("pulmonary resistance", ("resistance.pulmonary",), 1),
    ("saturation, preductal", ("saturation.preductal",), 0),
    ("saturation, postductal", ("saturation.postductal",), 0),
    ("saturation, mixed venous", ("saturation.mixed_venous",), 0),
    ("oxygen delivery", ("oxygen_delivery",), 0),
    ("oxygen delivery to the brain", ("oxygen_delivery.cerebral",), 0),
    ("oxygen debt", ("oxygen_debt",), 1),
)
"""Rows of the summary: label, outputs of `lumped.physiology.outputs` (`@` marks a landmark), decimals."""


def summary(states: Mapping[str, Physiology]) -> Table:
    """The numbers that a heart team asks for first, a column a state."""
    table = _table("", *(escape(name) for name in states))
    for label, names, digits in _SUMMARY:
        cells = [_cell(state, names, digits) for state in states.values()]
        if any(cells):
            table.add_row(label, *cells)
    if any(
        state.outputs["lactate_risk"].value for state in states.values() if "lactate_risk" in state.outputs
    ):
        risks = (state.outputs.get("lactate_risk") for state in states.values())
        table.add_row("lactate risk", *("yes" if risk and risk.value else "no" for risk in risks))
    return table


def _cell(state: Physiology, names: Sequence[str], digits: int) -> str:
    """Numbers of a row with their unit; empty where the circulation has no such quantity."""
    nodes = state.beat.history.model.nodes
    full = []
    for name in names:
        group, mark, rest = name.partition("@")
        role, dot, statistic = rest.partition(".")
        full.append(f"{group}{landmark(role, nodes)}{dot}{statistic}" if mark else name)
    if any(name not in state.outputs for name in full):
        return ""
    numbers = [plain(state.shown(name), digits) for name in full]
    unit = state.outputs[full[0]].unit.replace("percent", "%").replace("1/min", "/min")
    text = numbers[0] if len(numbers) == 1 else f"{numbers[0]}/{numbers[1]} ({numbers[2]})"
    return text if unit == "1" else f"{text} {unit}"


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
            old = _mean(before.pressure(each.name)) if known else np.nan
            cells.append(signed((_mean(history.pressure(each.name)) - old) / MMHG, 1) if known else "new")
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
            _mean(history.pressure(ends[0]) - history.pressure(ends[1])) / MMHG if len(ends) == 2 else np.nan
        )
        cells = [
            spoken(each.name),
            plain(_mean(flow) / ML_PER_MIN, 0),
            f"{plain(flow.max() / ML_PER_S, 1)}, {plain(flow.min() / ML_PER_S, 1)}",
            plain(drop, 1) if np.isfinite(drop) else "",
        ]
        if before is not None:
            known = each.name in before.model.edges
            old = _mean(before.flow(each.name)) if known else np.nan
            cells.append(signed((_mean(flow) - old) / ML_PER_MIN, 0) if known else "new")
        table.add_row(*cells)
    return table


def _mean(curve: Curve) -> float:
    return float(mean_over_beat(np.asarray(curve, dtype=np.float64)))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index else "left")
    return table


def _swing(curve: Curve) -> str:
    return f"{plain(curve.max(), 1)}/{plain(curve.min(), 1)} ({plain(_mean(curve), 1)})"


def _range(curve: Curve) -> str:
    return f"{plain(curve.min(), 2)} to {plain(curve.max(), 2)}"
