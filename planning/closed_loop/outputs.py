"""What a closed circulation does, in numbers: from the 3D simulation, and from the same change in 0D alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import HemoplanError
from lumped.engine.marching import History
from lumped.gas.transport import periodic_gas
from lumped.physiology.landmarks import landmark
from lumped.physiology.outputs import Output, outputs_of
from planning.closed_loop.history import port_flows
from planning.closed_loop.loop import Loop
from planning.wording import spoken

SHIFTED = "shifted_volume"
VENTRICLES = ("left_ventricle", "right_ventricle", "single_ventricle", "ventricle")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopOutputs:
    """All outputs of one variant's circulation, by name (see `lumped.physiology.outputs`, and below).

    | name               | what it is                                                                          |
    |--------------------|-------------------------------------------------------------------------------------|
    | stroke_work.CHAMBER| work of a ventricle on its blood in a beat, the area of its pressure–volume loop [J]|
    | reversal.OPENING   | blood that flows back through an opening in a beat, over what flows ahead            |
    | shifted_volume     | blood that the last beat has moved between compartments: none once it repeats itself |

    Attributes:
        coupled: Of the 3D simulation with the circulation around it.
        alone: Of the 0D circulation with its own branches in the place of the 3D domain.
        branches: Names of these branches.
        openings: Names of the openings.
    """

    coupled: Mapping[str, Output]
    alone: Mapping[str, Output]
    branches: tuple[str, ...]
    openings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An output that tables show.

    Attributes:
        key: Its name.
        label: For people.
        digits: Decimals that are worth printing.
    """

    key: str
    label: str
    digits: int


def outputs_of_beat(loop: Loop, history: History, flows: Mapping[str, FloatArray]) -> dict[str, Output]:
    """All outputs of a beat of the whole circulation.

    Args:
        loop: The variant's.
        history: The beat.
        flows: (s + 1,) flow out of the place of the 3D domain at each opening over it [m³/s].
    """
    gas = None if loop.circulation.gas is None else periodic_gas(history)
    table = outputs_of(history, gas, None, {})
    unseen = tuple(f"pressure.{name}." for name in loop.inner)
    table = {key: value for key, value in table.items() if not key.startswith(unseen)} if unseen else table
    for name in VENTRICLES:
        if name in history.model.nodes:
            table[f"stroke_work.{name}"] = Output(stroke_work(history, name), "mJ")
    for opening, flow in flows.items():
        table[f"reversal.{opening}"] = Output(reversal(flow), "percent")
    return table


def alone_outputs(loop: Loop, history: History) -> dict[str, Output]:
    """All outputs of a beat of the 0D circulation with its own branches."""
    return outputs_of_beat(loop, history, port_flows(loop, history))


def stroke_work(history: History, chamber: str) -> float:
    """Work that a chamber does on its blood over a beat, -∮ p dV [J]."""
    return -float(np.trapezoid(history.pressure(chamber), history.volume(chamber)))


def reversal(flow: FloatArray) -> float:
    """Volume against the mean direction of a flow over a beat, (s + 1,) at equal steps, over the volume along it."""
    ahead = flow if np.trapezoid(flow) >= 0.0 else -flow
    along = float(np.trapezoid(np.maximum(ahead, 0.0)))
    return float(np.trapezoid(np.maximum(-ahead, 0.0))) / along if along > 0.0 else 0.0


def write_outputs(path: Path, outputs: LoopOutputs) -> None:
    """Write the outputs of a variant as JSON, SI values with the units that they are shown in."""
    path.write_text(json.dumps(asdict(outputs), indent=1) + "\n", encoding="utf-8")


def read_outputs(path: Path) -> LoopOutputs:
    """Read what `write_outputs` wrote.

    Raises:
        HemoplanError: The file is missing or damaged.
    """
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        tables = {
            side: {
                key: Output(float(value["value"]), str(value["unit"])) for key, value in entry[side].items()
            }
            for side in ("coupled", "alone")
        }
        return LoopOutputs(**tables, branches=tuple(entry["branches"]), openings=tuple(entry["openings"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HemoplanError(
            "cannot read the outputs of the circulation",
            where=str(path),
            value=error,
            remedy="run `hemoplan solve CASE` again",
        ) from error


def telling_outputs(variants: Mapping[str, LoopOutputs]) -> tuple[Wanted, ...]:
    """What a table of variants shows, of what all of them know; a branch that a variant has closed carries nothing."""
    reference = next(iter(variants.values()))
    nodes = tuple(key.split(".")[1] for key in reference.alone if key.startswith("pressure."))
    wanted = [
        Wanted(key="qp_over_qs", label="Qp/Qs", digits=2),
        Wanted(key="output.left_ventricle", label="Output, left ventricle", digits=0),
        Wanted(key="output.right_ventricle", label="Output, right ventricle", digits=0),
        Wanted(key="pulmonary_flow", label="Flow to the lungs", digits=0),
        Wanted(key="systemic_flow", label="Flow to the body", digits=0),
    ]
    for each in variants.values():
        wanted += [
            Wanted(key=f"flow.{name}", label=f"Flow, {spoken(name)}", digits=0)
            for name in each.branches
            if "duct" in name
        ]
    arteries = [landmark("aorta", nodes), landmark("pulmonary_artery", nodes)]
    arteries[1:1] = ["descending_aorta"] if "descending_aorta" in nodes else []
    for site in dict.fromkeys(filter(None, arteries)):
        wanted += [
            Wanted(key=f"pressure.{site}.{kind}", label=f"{kind.capitalize()}, {spoken(site)}", digits=1)
            for kind in ("systolic", "diastolic", "mean")
        ]
    for site in filter(None, (landmark(role, nodes) for role in ("left_atrium", "right_atrium"))):
        wanted.append(Wanted(key=f"pressure.{site}.mean", label=f"Mean, {spoken(site)}", digits=1))
    wanted += [
        Wanted(key=f"saturation.{site}", label=f"Oxygen saturation, {spoken(site)}", digits=1)
        for site in ("preductal", "postductal", "mixed_venous")
    ]
    for name in VENTRICLES:
        wanted += [
            Wanted(
                key=f"volume.{name}.end_diastolic", label=f"End-diastolic volume, {spoken(name)}", digits=1
            ),
            Wanted(key=f"ejection_fraction.{name}", label=f"Ejection fraction, {spoken(name)}", digits=0),
            Wanted(key=f"stroke_work.{name}", label=f"Stroke work, {spoken(name)}", digits=1),
        ]
    wanted += [
        Wanted(key=f"reversal.{name}", label=f"Flow reversal, {spoken(name)}", digits=1)
        for name in reference.openings
    ]
    wanted.append(Wanted(key=SHIFTED, label="Blood that the beat has shifted", digits=2))
    unique = {each.key: each for each in wanted}
    return tuple(each for each in unique.values() if _known(each.key, variants))


def _known(key: str, variants: Mapping[str, LoopOutputs]) -> bool:
    tables = [table for each in variants.values() for table in (each.coupled, each.alone)]
    if key.startswith("flow."):
        return any(key in table for table in tables)
    return all(key in table for table in tables)


def shown(table: Mapping[str, Output], key: str) -> float:
    """An output in the unit that it is shown in; zero for a branch that is closed."""
    return table[key].shown if key in table else 0.0


def unit_of(variants: Mapping[str, LoopOutputs], key: str) -> str:
    """The unit that an output is shown in, as tables write it."""
    units = (
        table[key].unit for each in variants.values() for table in (each.coupled, each.alone) if key in table
    )
    return {"1": "", "percent": "%"}.get(unit := next(units), unit)
