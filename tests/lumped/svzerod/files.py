"""Entries of svZeroDSolver's JSON files."""

from __future__ import annotations

from typing import Any

type Entry = dict[str, Any]


def vessel(
    identity: int,
    values: Entry,
    *,
    inlet: str | None = None,
    outlet: str | None = None,
    kind: str = "BloodVessel",
    **more: Any,
) -> Entry:
    """A vessel of the name 'vN'."""
    ends = {side: name for side, name in (("inlet", inlet), ("outlet", outlet)) if name is not None}
    return {
        "vessel_id": identity,
        "vessel_name": f"v{identity}",
        "zero_d_element_type": kind,
        "zero_d_element_values": values,
        "boundary_conditions": ends,
        **more,
    }


def boundary(name: str, kind: str, **values: Any) -> Entry:
    return {"bc_name": name, "bc_type": kind, "bc_values": values}


def steady(name: str, kind: str, value: float) -> Entry:
    """A constant FLOW or PRESSURE."""
    return boundary(name, kind, **{"Q" if kind == "FLOW" else "P": value})


def junction(
    name: str, before: list[str], behind: list[str], kind: str = "NORMAL_JUNCTION", **values: Any
) -> Entry:
    return {
        "junction_name": name,
        "junction_type": kind,
        "inlet_blocks": before,
        "outlet_blocks": behind,
        "junction_values": values,
    }


def valve(name: str, kind: str, before: str, behind: str, **values: float) -> Entry:
    return {
        "name": name,
        "type": kind,
        "params": {**values, "upstream_block": before, "downstream_block": behind},
    }


def model(
    vessels: list[Entry], boundaries: list[Entry], *, points: int = 11, cycles: int = 1, **more: Any
) -> Entry:
    """A whole file; `options` are further simulation parameters, from rest unless they say otherwise."""
    options = {
        "number_of_cardiac_cycles": cycles,
        "number_of_time_pts_per_cardiac_cycle": points,
        "output_all_cycles": True,
        "steady_initial": False,
        "absolute_tolerance": 1e-10,
        **more.pop("options", {}),
    }
    return {"simulation_parameters": options, "vessels": vessels, "boundary_conditions": boundaries, **more}


def one_vessel(kind: str, outlet: Entry, *, points: int = 11, **values: float) -> Entry:
    """A flow of 5, one vessel and an outlet 'OUT' of one cycle."""
    return model(
        [vessel(0, values, inlet="IN", outlet="OUT", kind=kind)],
        [steady("IN", "FLOW", 5.0), outlet],
        points=points,
    )
