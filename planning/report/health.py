"""Whether the numbers of a run can be trusted: what is checked, against which limit, what is said in red."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hemoplan.case import Case
from hemoplan.results import FlowMetrics, NumericalHealth
from hemoplan.units import to_unit
from planning.wording import duration, plain, spoken

MASS_LIMIT = 1e-3
"""Largest accepted sum of all port flows of one step, over the mean inflow."""
RESOLVED_SHARE = 0.5
"""Numerical over viscous dissipation beyond which the mesh is said not to resolve the flow."""
CUFF_LIMIT_MMHG = 3.0
"""Largest accepted difference between the simulated pressure at the cuff's site and the cuff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One number that the boundary circuits were tuned to, and what the 3D simulation reached.

    Attributes:
        label: What it is.
        unit: Its unit.
        digits: Decimals worth printing.
        wanted, reached: Both in `unit`.
        limit: Largest accepted difference; None where none is set.
    """

    label: str
    unit: str
    digits: int
    wanted: float
    reached: float
    limit: float | None

    @property
    def met(self) -> bool:
        """Whether the difference is within the limit."""
        return self.limit is None or abs(self.reached - self.wanted) <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCell:
    """One entry of the health table: its text, and what is wrong with it (empty where nothing is)."""

    text: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRow:
    """One property of the simulations, a cell a variant."""

    label: str
    cells: tuple[HealthCell, ...]


def baseline_of(case: Case) -> str:
    """Name of the variant that the others are compared with, and that the circuits are tuned on."""
    return next((v.name for v in case.variants if v.kind == "baseline"), case.variants[0].name)


def check_targets(case: Case, metrics: FlowMetrics) -> tuple[Target, ...]:
    """Cuff pressures and flow fractions: wanted, and reached by the tuned variant.

    A closed circulation is not tuned to the cuff, and no limit holds for it: see `find_mismatch`.
    """
    cuff, port = case.patient.cuff, metrics.ports[case.patient.cuff.site]
    pressures = (
        ("Systolic", cuff.systolic, port.systolic_pressure),
        ("Diastolic", cuff.diastolic, port.diastolic_pressure),
        ("Mean", cuff.mean, port.mean_pressure),
    )
    targets = [
        Target(
            label=f"{label} pressure at the cuff’s site",
            unit="mmHg",
            digits=1,
            wanted=to_unit(wanted, "mmHg"),
            reached=to_unit(reached, "mmHg"),
            limit=CUFF_LIMIT_MMHG if case.circulation is None else None,
        )
        for label, wanted, reached in pressures
    ]
    for name, outlet in case.outlets.items():
        if outlet.flow_fraction is not None:
            targets.append(
                Target(
                    label=f"Share of the inflow, {spoken(name)}",
                    unit="%",
                    digits=1,
                    wanted=100.0 * outlet.flow_fraction,
                    reached=100.0 * metrics.flow_split[name],
                    limit=None,
                )
            )
    return tuple(targets)


def find_alarms(case: Case, metrics: Mapping[str, FlowMetrics]) -> tuple[str, ...]:
    """One sentence for every reason not to trust the numbers."""
    alarms = []
    for name, entry in metrics.items():
        health = entry.health
        if not health.periodic:
            change = max(health.periodicity_pressure, health.periodicity_flow)
            alarms.append(
                f"{spoken(name)}: NOT PERIODIC. The last two cycles differ by {plain(100 * change, 1)} % "
                f"(accepted: {plain(100 * health.periodic_tolerance, 1)} %). Run more cycles: "
                "--set solver.cycles=N."
            )
        if not health.mass_imbalance_max <= MASS_LIMIT:
            alarms.append(
                f"{spoken(name)}: MASS IS NOT BALANCED. In one time step "
                f"{plain(100 * health.mass_imbalance_max, 2)} % of the inflow is lost or made "
                f"(accepted: {plain(100 * MASS_LIMIT, 1)} %). Use a finer mesh or a smaller time step."
            )
    tuned = metrics[baseline_of(case)]
    for target in check_targets(case, tuned):
        if not target.met:
            alarms.append(
                f"{spoken(tuned.variant)}: CUFF PRESSURE MISSED. {target.label}: {plain(target.reached, 1)} "
                f"instead of {plain(target.wanted, 1)} mmHg (accepted: ±{plain(CUFF_LIMIT_MMHG, 0)} mmHg)."
            )
    return tuple(alarms)


def find_cautions(metrics: Mapping[str, FlowMetrics]) -> tuple[str, ...]:
    """What does not spoil a comparison, but the reader must know."""
    shares = {name: entry.health.stabilisation_share for name, entry in metrics.items()}
    coarse = {name: share for name, share in shares.items() if not share <= RESOLVED_SHARE}
    if not coarse:
        return ()
    listed = ", ".join(f"{spoken(name)} {plain(share, 1)}" for name, share in coarse.items())
    return (
        "The mesh does not resolve all of the flow. Numerical dissipation over the viscous one: "
        f"{listed}. The gradient of a narrowing may come out too high by a tenth, its wall shear stress by half; "
        "repeat with a finer mesh (--profile fine) before an answer depends on it.",
    )


def find_mismatch(case: Case, metrics: Mapping[str, FlowMetrics]) -> tuple[str, ...]:
    """One sentence where a closed circulation is not that of the child by its cuff; else nothing."""
    if case.circulation is None:
        return ()
    targets = check_targets(case, metrics[baseline_of(case)])
    if all(abs(target.reached - target.wanted) <= CUFF_LIMIT_MMHG for target in targets):
        return ()
    reached, wanted = (
        "{}/{} ({})".format(*(plain(value, 0) for value in values))
        for values in (
            [target.reached for target in targets[:3]],
            [target.wanted for target in targets[:3]],
        )
    )
    return (
        f"The closed circulation is not quite that of this child: {reached} mmHg at the cuff’s site, where the cuff "
        f"says {wanted} mmHg. Fit it with circulation.bedside before an answer depends on it.",
    )


def tabulate_health(metrics: Mapping[str, FlowMetrics]) -> tuple[HealthRow, ...]:
    """The health of all simulations, a row a property."""
    return tuple(
        HealthRow(label=label, cells=tuple(describe(entry.health) for entry in metrics.values()))
        for label, describe in _PROPERTIES
    )


def _fine(text: str) -> HealthCell:
    return HealthCell(text=text, fault="")


def _mass(health: NumericalHealth) -> HealthCell:
    ok = health.mass_imbalance_max <= MASS_LIMIT
    return HealthCell(
        text=f"{plain(100 * health.mass_imbalance_max, 3)} %",
        fault="" if ok else f"above {plain(100 * MASS_LIMIT, 1)} %",
    )


def _periodicity(change: float, health: NumericalHealth) -> HealthCell:
    ok = change <= health.periodic_tolerance
    return HealthCell(text=f"{plain(100 * change, 2)} %", fault="" if ok else "not periodic")


_PROPERTIES: tuple[tuple[str, Callable[[NumericalHealth], HealthCell]], ...] = (
    ("Tetrahedra", lambda h: _fine(f"{h.cells:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"))),
    ("Vertices", lambda h: _fine(f"{h.vertices:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"))),
    ("Edge length [mm]", lambda h: _fine(f"{plain(1e3 * h.edge_min, 2)} to {plain(1e3 * h.edge_max, 2)}")),
    ("Worst radius ratio (1 is ideal)", lambda h: _fine(plain(h.quality_min, 2))),
    ("Time step [ms]", lambda h: _fine(f"{1e3 * h.time_step:.3g}")),
    ("Time steps", lambda h: _fine(str(h.steps))),
    ("Largest CFL number", lambda h: _fine(plain(h.cfl_max, 2))),
    ("Mass balance, worst step (of mean inflow)", _mass),
    (
        "Largest correction of the velocity at an outlet (of mean inflow)",
        lambda h: _fine(f"{plain(100 * h.outlet_correction_max, 1)} %"),
    ),
    ("Change of pressure between the last two cycles", lambda h: _periodicity(h.periodicity_pressure, h)),
    ("Change of flow between the last two cycles", lambda h: _periodicity(h.periodicity_flow, h)),
    ("Accepted change", lambda h: _fine(f"{plain(100 * h.periodic_tolerance, 1)} %")),
    (
        "Iterations a step, velocity / pressure",
        lambda h: _fine(f"{plain(h.velocity_iterations, 1)} / {plain(h.pressure_iterations, 1)}"),
    ),
    (
        "Numerical dissipation, relative to the viscous one",
        lambda h: _fine(f"{plain(100 * h.stabilisation_share, 0)} %"),
    ),
    (
        "Energy balance: power loss unexplained by dissipation",
        lambda h: _fine(f"{plain(100 * h.energy_residual, 1)} %"),
    ),
    ("Solve time", lambda h: _fine(duration(h.wall_seconds))),
    ("MPI processes", lambda h: _fine(str(h.ranks))),
)
