"""How many 3D beats until they repeat: a duct with three Windkessels of three beats, and a closed loop with a heart.

Each case has a wrong start, the start that its 0D stand-in gives, and the stand-in's map over a beat. All beats are
counted the same way: from the histories of pressures and flows at all ports.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from mpi4py import MPI

from cfd.domain import Domain, read_domain
from cfd.fluid import Fluid
from cfd.fractional_step import FractionalStep
from cfd.metrics import periodicity
from cfd.simulation import Simulation
from cfd.stepper import DEFAULTS, ElementPair, build_stepper
from hemoplan.arrays import FloatArray
from hemoplan.patch import Role
from hemoplan.results import PortHistory
from hemoplan.waveform import Waveform
from lumped.aortic_flow import aortic_flow
from lumped.beat_map import BeatMap, circulation_beat_map, windkessel_beat_map
from lumped.boundary_file import Boundary
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Port
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.simulation import periodic_circuit
from lumped.stand_in import stand_in_beat, started
from lumped.surrogate import Surrogate, VesselPath, surrogate_from_paths
from lumped.windkessel import Windkessel, WindkesselBank
from planning.solver.acceleration import Accelerator
from tests.cfd.crossing import LENGTH, SIDE, crossing_mesh
from tests.cfd.tube import tube

FLUID = Fluid(density=1060.0, viscosity=0.004)
STEPS = 80
CONVERGED = 0.01
"""Change from beat to beat that counts as none, over the range of each pressure."""
PERIOD, MEAN = 0.4, 8e-6
"""Of the inflow into the duct [s, m³/s]."""
PRESSURE, VENOUS = 7000.0, 600.0
"""Mean pressure in the duct, and behind its Windkessels [Pa]."""
SHARES = {"left": 0.2, "outlet": 0.5, "right": 0.3}
"""Share of the inflow by outlet of the duct."""
BEATS_TO_EMPTY = 3.0
"""Time constant of every Windkessel, in beats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A 3D domain, the circuit behind it with two starts, and its map over a beat.

    Attributes:
        name: In words.
        stepper: Of the domain.
        period: [s]
        inflow: Through the inlet, or none.
        wrong: The circuit, far from its periodic beat at t = 0.
        near: The same, starting where its 0D stand-in repeats itself.
        beat_map: Of the stand-in.
    """

    name: str
    stepper: FractionalStep
    period: float
    inflow: Waveform | dict[str, Waveform]
    wrong: Boundary
    near: Boundary
    beat_map: BeatMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Beats of a case.

    Attributes:
        history: At all ports.
        period: [s]
        seconds: CPU seconds that they took.
    """

    history: PortHistory
    period: float
    seconds: float

    @property
    def beats(self) -> int:
        return len(self.history.times) // STEPS

    def pressures(self, beat: int) -> FloatArray:
        """(s, k) of a beat, from 1 [Pa]."""
        return self.history.pressures[(beat - 1) * STEPS : beat * STEPS]

    def changes(self) -> FloatArray:
        """(n - 1, 2) change of pressures and flows from each beat to the next, as a run's health reports it."""
        history, found = self.history, []
        for beat in range(2, self.beats + 1):
            so_far = slice(0, beat * STEPS)
            until = PortHistory(
                ports=history.ports,
                times=history.times[so_far],
                pressures=history.pressures[so_far],
                flows=history.flows[so_far],
            )
            found.append(periodicity(until, self.period))
        return np.array(found)

    def distances(self, periodic: FloatArray) -> FloatArray:
        """(n,) largest difference of a pressure of each beat from the periodic (s, k) ones, over their range."""
        beats = range(1, self.beats + 1)
        return np.array([np.abs(self.pressures(beat) - periodic).max() for beat in beats]) / np.ptp(periodic)

    def settled(self) -> int | None:
        """The first beat whose pressures differ from the last one's by less than a hundredth, and stay so."""
        moving = np.flatnonzero(self.changes()[:, 0] >= CONVERGED)
        first = 2 if moving.size == 0 else int(moving[-1]) + 3
        return first if first <= self.beats else None

    def arrived(self, periodic: FloatArray) -> int | None:
        """The first beat from which all are within a hundredth of the periodic one."""
        away = np.flatnonzero(self.distances(periodic) >= CONVERGED)
        first = 1 if away.size == 0 else int(away[-1]) + 2
        return first if first <= self.beats else None


def run(case: Case, boundary: Boundary, *, beats: int, accelerated: bool) -> Course:
    """March from rest, with the circuit's state corrected between beats or not."""
    with tempfile.TemporaryDirectory() as folder:
        between = Accelerator(
            case.beat_map, boundary, Path(folder, "beats.npz"), fingerprint="", comm=MPI.COMM_WORLD
        )
        simulation = Simulation(
            case.stepper,
            boundary,
            case.inflow,
            dt=case.period / STEPS,
            cycles=beats,
            period=case.period,
            between=between if accelerated else None,
        )
        begun = time.process_time()
        simulation.run(case.stepper.initial_state(boundary))
    seconds = time.process_time() - begun
    return Course(history=simulation.history(), period=case.period, seconds=seconds)


@cache
def duct_star(scale: float = 1.0) -> Surrogate:
    """What a centreline would say of the duct: half its width as radius, and the ways to its windows."""
    radius, length = 0.5 * scale * SIDE, scale * LENGTH

    def path(length: float, end: float) -> VesselPath:
        return VesselPath(arc_length=np.array([0.0, length]), radius=np.array([radius, end]))

    ways = {"outlet": path(length, radius)}
    ways |= {name: path(0.5 * length + radius, 0.75 * radius) for name in ("left", "right")}
    return surrogate_from_paths(
        "inlet", ways, density=FLUID.density, viscosity=FLUID.viscosity, trunk_length=0.4 * length
    )


@cache
def duct_domain(scale: float = 1.0) -> Domain:
    """A square duct with one inlet and three outlets."""
    mesh = crossing_mesh()
    patches = tuple(
        replace(patch, role=Role.OUTLET) if patch.name == "left" else patch for patch in mesh.patches
    )
    with tempfile.TemporaryDirectory() as folder:
        mesh.but(points=scale * mesh.points, patches=patches).write(Path(folder, "mesh"))
        return read_domain(MPI.COMM_WORLD, Path(folder, "mesh"), vessels=True)


def slow_windkessels(mean: float) -> WindkesselBank:
    """Behind the duct's outlets, empty, for a mean inflow [m³/s]."""
    bank = {}
    for name, share in SHARES.items():
        resistance = (PRESSURE - VENOUS) / (share * mean)
        bank[name] = Windkessel(
            proximal_resistance=0.08 * resistance,
            compliance=BEATS_TO_EMPTY * PERIOD / (0.92 * resistance),
            distal_resistance=0.92 * resistance,
            distal_pressure=VENOUS,
        )
    return WindkesselBank.of(bank)


@cache
def windkessels(pair: ElementPair = "P1-P1", mean: float = MEAN) -> Case:
    """Three Windkessels that empty in three beats, from empty, behind a duct with a mean inflow [m³/s]."""
    domain, inflow = duct_domain(), aortic_flow(PERIOD, mean)
    bank = slow_windkessels(mean).reordered(tuple(patch.name for patch in domain.outlets))
    near = periodic_circuit(duct_star(), bank, inflow)
    return Case(
        name="three Windkessels, time constants of 3 beats",
        stepper=build_stepper(domain, FLUID, pair, DEFAULTS[pair]),
        period=PERIOD,
        inflow=inflow,
        wrong=bank,
        near=near.reordered(bank.ports),
        beat_map=windkessel_beat_map(duct_star(), near, inflow),
    )


def _a_fifth_of_the_veins_in_the_lung(boundary: CirculationBoundary) -> CirculationBoundary:
    """The same blood, elsewhere: the lungs hold three times as much as they should."""
    assert boundary.start is not None
    start, model = boundary.start.copy(), boundary.model
    for vein in ("upper_veins", "lower_veins"):
        moved = 0.2 * start[model.state(vein)]
        start[model.state(vein)] -= moved
        start[model.state("left_lung")] += moved
    return replace(boundary, start=start)


def _isthmus(name: str, radius: float, length: float, disturbed: Callable[..., CirculationBoundary]) -> Case:
    """A newborn's circulation with a tube in the place of the isthmus."""
    whole = load_anatomy("term_newborn")
    opened = replace(
        whole,
        connections=tuple(each for each in whole.connections if each.name != "isthmus"),
        ports=(Port(name="inlet", node="aortic_arch"), Port(name="outlet", node="descending_aorta")),
    )
    path = VesselPath(arc_length=np.array([0.0, length]), radius=np.array([radius, radius]))
    star = surrogate_from_paths("inlet", {"outlet": path}, density=FLUID.density, viscosity=FLUID.viscosity)
    beat = stand_in_beat(CirculationBoundary(model=build(opened)), [star])
    near = started(beat)
    domain = tube(radius, length, 4, 4)
    patches = tuple(
        patch if patch.role is Role.WALL else replace(patch, role=Role.OUTLET) for patch in domain.patches
    )
    settings = replace(DEFAULTS["P1-P1"], pressure_tolerance=1e-9)
    return Case(
        name=name,
        stepper=build_stepper(replace(domain, patches=patches), FLUID, "P1-P1", settings),
        period=near.model.period,
        inflow={},
        wrong=disturbed(near),
        near=near,
        beat_map=circulation_beat_map(beat),
    )


@cache
def closed_loop() -> Case:
    """A wide isthmus, starting with a fifth of the venous blood in the left lung."""
    return _isthmus("closed loop, isthmus of 6 mm", 3e-3, 12e-3, _a_fifth_of_the_veins_in_the_lung)


@cache
def narrow_loop() -> Case:
    """A narrow isthmus, whose drop of pressure the stand-in foretells badly; starting as without it."""

    def of_the_wide_one(near: CirculationBoundary) -> CirculationBoundary:
        wide = closed_loop().near
        assert isinstance(wide, CirculationBoundary)
        return replace(near, start=wide.start, start_drives=wide.start_drives)

    return _isthmus("closed loop, isthmus of 2.4 mm", 1.2e-3, 12e-3, of_the_wide_one)
