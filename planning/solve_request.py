"""What one flow simulation needs, as a file: so that it runs under MPI, on another machine, and again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from hemoplan.errors import HemoplanError


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveRequest:
    """One flow simulation; SI units, paths relative to the request's folder.

    Attributes:
        variant: Name of the variant.
        proximal, distal: Openings between which the pressure gradient is taken.
        mesh: Folder with `mesh.xdmf`, `facets.xdmf`, `patches.json` and `quality.json`.
        circuit: Circuit file of the outlets, whose initial state is the state at t = 0.
        inflow: CSV of phase and flow [m³/s] over one cycle.
        period: Length of the cycle [s].
        cycles: Cycles to run.
        time_step: [s]; rounded so that a cycle is a whole number of steps.
        output_interval: Interval of the fields that are written in the last cycle [s].
        density, viscosity: Of the blood [kg/m³, Pa s].
        stabilise: Whether under-resolved convection is stabilised.
        periodic_tolerance: Largest accepted change between the last two cycles.
        warm_start: Checkpoint on the same mesh whose velocity the run starts from, or None for rest.
    """

    variant: str
    proximal: str
    distal: str
    mesh: str
    circuit: str
    inflow: str
    period: float
    cycles: int
    time_step: float
    output_interval: float
    density: float
    viscosity: float
    stabilise: bool
    periodic_tolerance: float
    warm_start: str | None = None


def write_request(path: Path, request: SolveRequest) -> None:
    """Write a request as JSON."""
    path.write_text(json.dumps(asdict(request), indent=1) + "\n", encoding="utf-8")


def read_request(path: Path) -> SolveRequest:
    """Read a request.

    Raises:
        HemoplanError: The file is missing or damaged.
    """
    try:
        return SolveRequest(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise HemoplanError(
            "cannot read the request of the simulation",
            where=str(path),
            value=error,
            remedy="run `hemoplan run CASE`",
        ) from error
