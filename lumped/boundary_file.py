"""Circuits of either kind on disk: Windkessels (`lumped.circuit_file`), or a circulation behind the openings.

```json
{
 "kind": "circulation",
 "circulation": {"extends": "term_newborn", "remove": ["isthmus"]},
 "ports": {
  "arch": {"node": "aortic_arch", "drive": "flow", "pressure": "total"},
  "descending_aorta": {"node": "descending_aorta"}
 },
 "start": {
  "unknowns": {"left_ventricle": {"volume": 6.1e-6}, "mitral_valve": {"flow": 0.0}, "…": {}},
  "drives": {"arch": -2.1e-6, "descending_aorta": 2.1e-6}
 }
}
```

`circulation` is what a circulation's file holds, or the name of such a file or of an anatomy; `ports` names a node for
each patch of the 3D domain. `drive` says what the 3D domain gives: its `flow`, which enters the node (the default), or
its `pressure`, which the node, a reservoir, then has. `pressure` says which one of entering blood the circuit's is:
`total` (the default) or `static`. `start` is the state at t = 0 in SI units: all volumes, flows of inertial connections
and openings of valves; pressures of junctions and couplings may be left out, since they follow. `drives` are the flows
out of the 3D domain, or its pressures, at t = 0; zero flow if left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import BoundaryError
from hemoplan.spelling import hint
from lumped.circuit_file import load_circuit, read_circuit, write_circuit
from lumped.circulation.file import circulation_from
from lumped.circulation.table import Table, to_table
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.model import Model
from lumped.windkessel import WindkesselBank

CIRCULATION = "circulation"
PORT_KEYS = ("node", "drive", "pressure")
PRESSURES = ("total", "static")

type Boundary = WindkesselBank | CirculationBoundary


def read_boundary(path: Path) -> Boundary:
    """Read a circuit of either kind.

    Raises:
        BoundaryError: The file is missing, of no known kind or incomplete; a name, a value or the state makes no sense.
        CaseError, VariantError: The circulation that it names cannot be read.
    """
    content = load_circuit(path)
    kind = content.get("kind") if isinstance(content, dict) else None
    return _circulation(content, path) if kind == CIRCULATION else read_circuit(path)


def boundary_from_text(text: str, path: Path) -> CirculationBoundary:
    """What `boundary_text` wrote; `path` stands for the file in messages."""
    return _circulation(json.loads(text), path)


def _circulation(content: dict[str, Any], path: Path) -> CirculationBoundary:
    strange = [key for key in content if key not in ("kind", CIRCULATION, "ports", "start")]
    if strange:
        raise _problem(
            path,
            f"unknown key '{strange[0]}'; {hint(strange[0], (CIRCULATION, 'ports', 'start'))}",
            value=strange[0],
        )
    ports = _ports(path, content.get("ports"))
    table = _table(path, content.get(CIRCULATION))
    table["ports"] = {
        name: {key: value for key, value in port.items() if key != "pressure"} for name, port in ports.items()
    }
    model = build(circulation_from(table, path))
    driven = [each.name for each in model.circulation.surroundings if each.driven]
    if driven:
        raise _problem(
            path,
            "a surrounding of the circulation is driven from outside, and nothing drives it here",
            value=", ".join(driven),
            expected="a pressure or a waveform",
        )
    start, drives = _start(path, model, content.get("start"))
    static = tuple(name for name, port in ports.items() if port.get("pressure") == "static")
    return CirculationBoundary(model=model, start=start, start_drives=drives, static_ports=static)


def write_boundary(path: Path, boundary: Boundary) -> None:
    """Write a circuit of either kind, so that `read_boundary` gives an equal one."""
    if isinstance(boundary, WindkesselBank):
        write_circuit(path, boundary)
    else:
        path.write_text(boundary_text(boundary), encoding="utf-8")


def boundary_text(boundary: CirculationBoundary) -> str:
    """What the file of a circulation behind ports holds, with all that it extends."""
    model = boundary.model
    table = to_table(model.circulation)
    ports = table.pop("ports", {})
    for name, port in ports.items():
        port["pressure"] = "static" if name in boundary.static_ports else "total"
    unknowns: dict[str, dict[str, float]] = {}
    start = model.start if boundary.start is None else boundary.start
    for unknown, value in zip(model.unknowns, start, strict=True):
        unknowns.setdefault(unknown.block, {})[unknown.quantity] = float(value)
    drives = {
        port: float(value) for port, value in zip(boundary.ports, boundary.initial_drives(), strict=True)
    }
    content = {
        "kind": CIRCULATION,
        CIRCULATION: table,
        "ports": ports,
        "start": {"unknowns": unknowns, "drives": drives},
    }
    return json.dumps(content, indent=1) + "\n"


def _ports(path: Path, ports: Any) -> dict[str, dict[str, Any]]:
    """The entries of the ports, by patch; node and drive are checked with the circulation."""
    if not isinstance(ports, dict) or not ports or not all(isinstance(each, dict) for each in ports.values()):
        raise _problem(
            path, "the circulation has no ports", where="ports", expected="a node for each patch, by name"
        )
    for name, port in ports.items():
        for key in port:
            if key not in PORT_KEYS:
                raise _problem(path, f"unknown key '{key}'; {hint(key, PORT_KEYS)}", where=f"ports.{name}")
        if port.get("pressure", PRESSURES[0]) not in PRESSURES:
            raise _problem(
                path,
                "unknown kind of pressure",
                where=f"ports.{name}.pressure",
                value=port["pressure"],
                expected=" or ".join(PRESSURES),
            )
    return ports


def _table(path: Path, circulation: Any) -> Table:
    """What the circulation's own file holds; where it is only named, a file that extends it."""
    if isinstance(circulation, str):
        return {"extends": circulation}
    if isinstance(circulation, dict):
        return dict(circulation)
    raise _problem(
        path,
        "the circulation is missing",
        where=CIRCULATION,
        value=circulation,
        expected="what a circulation's file holds, or the name of a file or an anatomy",
    )


def _start(path: Path, model: Model, start: Any) -> tuple[FloatArray, FloatArray]:
    """(n,) unknowns and (q,) drives at t = 0."""
    if not isinstance(start, dict) or not isinstance(start.get("unknowns"), dict):
        raise _problem(
            path,
            "the circulation has no initial state",
            where="start",
            expected="'unknowns', by block and quantity in SI units",
            remedy="write it with lumped.boundary_file.write_boundary, from the beat that the circulation repeats",
        )
    blocks: dict[str, Any] = start["unknowns"]
    known = {unknown.block for unknown in model.unknowns}
    for block in blocks:
        if block not in known:
            raise _problem(
                path, f"no unknown belongs to '{block}'; {hint(block, known)}", where="start.unknowns"
            )
    values = model.start.copy()
    for index, unknown in enumerate(model.unknowns):
        block = blocks.get(unknown.block, {})
        place = f"start.unknowns.{unknown.block}.{unknown.quantity}"
        if unknown.has_rate or (isinstance(block, dict) and unknown.quantity in block):
            values[index] = _number(path, place, block, unknown.quantity, unknown.unit)
    drives = np.zeros(len(model.circulation.ports))
    given = start.get("drives", {})
    for index, port in enumerate(model.circulation.ports):
        if port.drive == "pressure" or port.name in given:
            unit = "Pa" if port.drive == "pressure" else "m³/s"
            drives[index] = _number(path, f"start.drives.{port.name}", given, port.name, unit)
    return values, drives


def _number(path: Path, place: str, values: Mapping[str, Any], key: str, unit: str) -> float:
    value = values.get(key) if isinstance(values, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _problem(
            path,
            "a value of the initial state is missing or not a number",
            where=place,
            value=value,
            expected=f"a number in {unit}",
        )
    return float(value)


def _problem(
    path: Path, what: str, *, where: str = "", value: Any = None, expected: str = "", remedy: str = ""
) -> BoundaryError:
    place = f"{path}: {where}" if where else str(path)
    return BoundaryError(what, where=place, value=value, expected=expected, remedy=remedy)
