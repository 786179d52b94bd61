"""What one flow simulation needs, as a file: so that it runs under MPI, on another machine, and again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

from hemoplan.errors import CaseError, HemoplanError

LIMITS = {
    "period": (0.01, 100.0, "s"),
    "cycles": (1, 1000, "cycles"),
    "time_step": (1e-8, 1.0, "s"),
    "output_interval": (1e-8, 1e3, "s"),
    "density": (100.0, 1e4, "kg/m³"),
    "viscosity": (1e-5, 1.0, "Pa s"),
    "courant": (1e-3, 1e3, ""),
    "periodic_tolerance": (1e-12, 1.0, ""),
    "backflow": (0.0, 10.0, ""),
}
"""Smallest and largest value, and unit: wide enough for any experiment, narrow enough to catch a wrong unit."""
STEPS_PER_CYCLE = 10
"""A heart beat cannot be followed with fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveRequest:
    """One flow simulation; SI units, paths relative to the request's folder.

    Attributes:
        variant: Name of the variant.
        proximal, distal: Openings between which the pressure gradient is taken.
        mesh: Folder with `mesh.xdmf`, `facets.xdmf`, `patches.json` and `quality.json`.
        circuit: Circuit file of the outlets, and of inlets that are its ports; its initial state is the state at t = 0.
        inflow: CSV of phase and flow [m³/s] over one cycle: of the one inlet that is no port of the circuit, or of each
            by name; None where all are ports.
        period: Length of the cycle [s].
        cycles: Cycles to run.
        time_step: [s]; rounded so that a cycle is a whole number of steps.
        output_interval: Interval of the fields that are written in the last cycle [s].
        density, viscosity: Of the blood [kg/m³, Pa s].
        thinning: Whether the blood thins with shear.
        elements: The pair of elements of velocity and pressure.
        convection: Whether convection is solved for or extrapolated.
        courant: Target of the Courant number for which time steps are divided, or None.
        stabilise: Whether under-resolved convection is stabilised.
        periodic_tolerance: Largest accepted change between the last two cycles.
        warm_start: Checkpoint on the same mesh whose velocity the run starts from, or None for rest.
        profile: Of the velocity over inlets with a prescribed flow: see `hemoplan.case.Inflow`.
        backflow: Size of the term against reverse flow at outlets, see `cfd.fractional_step.StepSettings`.
        beat_map: Map over a beat of the circuit and the domain's stand-in (`lumped.beat_map`), by which the circuit's
            state is corrected after each beat (`lumped.acceleration`); None where each starts as the last one ended.
    """

    variant: str
    proximal: str
    distal: str
    mesh: str
    circuit: str
    inflow: str | dict[str, str] | None
    period: float
    cycles: int
    time_step: float
    output_interval: float
    density: float
    viscosity: float
    thinning: bool
    elements: Literal["P1-P1", "P2-P1"]
    convection: Literal["semi-implicit", "explicit"]
    courant: float | None
    stabilise: bool
    periodic_tolerance: float
    warm_start: str | None = None
    profile: Literal["plug", "parabolic", "womersley"] = "plug"
    backflow: float = 1.0
    beat_map: str | None = None

    @property
    def inflow_files(self) -> tuple[str, ...]:
        """All files of inflows."""
        if self.inflow is None:
            return ()
        return (self.inflow,) if isinstance(self.inflow, str) else tuple(self.inflow.values())


def write_request(path: Path, request: SolveRequest) -> None:
    """Write a request as JSON."""
    path.write_text(json.dumps(asdict(request), indent=1) + "\n", encoding="utf-8")


def read_request(path: Path) -> SolveRequest:
    """Read a request and check its values.

    Raises:
        HemoplanError: The file is missing or damaged.
        CaseError: A value is out of range.
    """
    try:
        request = SolveRequest(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise HemoplanError(
            "cannot read the request of the simulation",
            where=str(path),
            value=str(error),
            remedy="run `hemoplan run CASE`",
        ) from error
    _check_kinds(request, path)
    _check_limits(request, path)
    return request


def _check_kinds(request: SolveRequest, path: Path) -> None:
    """JSON says nothing about types, and a text where a number belongs would fail much later."""
    for key, hint in get_type_hints(SolveRequest).items():
        value = getattr(request, key)
        if get_origin(hint) is Literal:
            fits, expected = value in get_args(hint), " or ".join(map(repr, get_args(hint)))
        else:
            kinds = tuple(get_origin(kind) or kind for kind in get_args(hint) or (hint,))
            numbers = (float,) if float in kinds and isinstance(value, int) else ()
            fits = type(value) in kinds or (numbers != () and not isinstance(value, bool))
            fits &= not isinstance(value, dict) or all(isinstance(each, str) for each in value.values())
            expected = " or ".join(kind.__name__ for kind in kinds)
        if not fits:
            raise CaseError(
                "a value of the simulation is of the wrong kind",
                where=f"{path}: {key}",
                value=repr(value),
                expected=expected,
            )


def _check_limits(request: SolveRequest, path: Path) -> None:
    for key, (low, high, unit) in LIMITS.items():
        value = getattr(request, key)
        if value is not None and not low <= value <= high:  # NaN is nowhere between
            raise CaseError(
                "a value of the simulation is out of range",
                where=f"{path}: {key}",
                value=f"{value:g} {unit}".strip(),
                expected=f"{low:g} to {high:g} {unit}".strip(),
            )
    if request.time_step > request.period / STEPS_PER_CYCLE:
        raise CaseError(
            "the time step is too large for the length of the cycle",
            where=f"{path}: time_step",
            value=f"{request.time_step:g} s for a cycle of {request.period:g} s",
            expected=f"at most {request.period / STEPS_PER_CYCLE:g} s",
        )
