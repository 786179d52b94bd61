"""Circuits on disk: `circuit.json`, in SI units, written to be read by people.

```json
{
 "kind": "windkessels",
 "units": {"proximal_resistance": "Pa s/m^3", "compliance": "m^3/Pa", "…": "…"},
 "outlets": {
  "descending_aorta": {
   "proximal_resistance": 5.2e7, "compliance": 1.1e-9, "distal_resistance": 6.1e8, "distal_pressure": 666.6,
   "start_pressure": 6900.0, "start_flow": 0.0
  }
 }
}
```

`start_pressure` is the pressure of the capacitor and `start_flow` the flow at t = 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from hemoplan.errors import BoundaryError
from lumped.windkessel import Windkessel, WindkesselBank

KIND = "windkessels"
UNITS = {
    "proximal_resistance": "Pa s/m^3",
    "compliance": "m^3/Pa",
    "distal_resistance": "Pa s/m^3",
    "distal_pressure": "Pa",
    "start_pressure": "Pa",
    "start_flow": "m^3/s",
}


def write_circuit(path: Path, circuit: WindkesselBank) -> None:
    """Write a bank of Windkessels as JSON, so that `read_circuit` gives an equal one."""
    outlets = {
        port: {**asdict(windkessel), "start_pressure": pressure, "start_flow": flow}
        for port, windkessel, pressure, flow in zip(
            circuit.ports, circuit.windkessels, circuit.start_pressures, circuit.start_flows, strict=True
        )
    }
    text = json.dumps({"kind": KIND, "units": UNITS, "outlets": outlets}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def read_circuit(path: Path) -> WindkesselBank:
    """Read a bank of Windkessels.

    Raises:
        BoundaryError: The file is missing, is not of this kind, or holds an impossible value.
    """
    try:
        content = load_circuit(path)
        if content["kind"] != KIND or content["units"] != UNITS:
            raise ValueError("another kind of circuit, or other units")
        outlets = {str(port): dict(entry) for port, entry in content["outlets"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BoundaryError(
            "cannot read the circuit",
            where=str(path),
            value=error,
            expected=f"JSON with 'kind': '{KIND}', 'units' in SI, and 'outlets'",
            remedy="remove the file, so that the next run makes it anew",
        ) from error
    entries = outlets.items()
    return WindkesselBank(
        ports=tuple(outlets),
        windkessels=tuple(_windkessel(path, port, entry) for port, entry in entries),
        start_pressures=tuple(_number(path, port, entry, "start_pressure") for port, entry in entries),
        start_flows=tuple(_number(path, port, entry, "start_flow") for port, entry in entries),
    )


def load_circuit(path: Path) -> Any:
    """What a circuit's file holds.

    Raises:
        BoundaryError: It cannot be read, is no JSON, or names a port twice.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise BoundaryError(
                "the circuit has two ports on one patch, or another name twice",
                where=str(path),
                value=", ".join(twice),
                expected="each name once",
            )
        return dict(pairs)

    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
    except (OSError, ValueError) as error:
        raise BoundaryError(
            "cannot read the circuit",
            where=str(path),
            value=error,
            expected="a file of JSON",
            remedy="remove the file, so that the next run makes it anew",
        ) from error


def _windkessel(path: Path, port: str, entry: Mapping[str, Any]) -> Windkessel:
    numbers = {each.name: _number(path, port, entry, each.name) for each in fields(Windkessel)}
    try:
        return Windkessel(**numbers)
    except BoundaryError as error:
        raise BoundaryError(
            error.what, where=f"{path}: {port}", value=error.value, expected=error.expected
        ) from None


def _number(path: Path, port: str, values: Mapping[str, Any], key: str) -> float:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BoundaryError(
            f"'{key}' of a Windkessel is missing or not a number",
            where=f"{path}: {port}",
            value=value,
            expected=f"a number in {UNITS[key]}",
        )
    return float(value)
