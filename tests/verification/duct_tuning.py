"""A patent duct in 3D in a closed circulation, tuned to an aortic pressure and to Qp/Qs with the duct in the loop."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from mpi4py import MPI

from cfd.simulation import Simulation
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.arrays import FloatArray
from hemoplan.patch import Role
from hemoplan.results import PortHistory
from hemoplan.units import MMHG
from lumped.beat_map import circulation_beat_map
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Port
from lumped.circulation_tuning import Aim, beat_of, tune_circulation
from lumped.engine.boundary import CirculationBoundary
from lumped.engine.build import build
from lumped.engine.measures import Measure
from lumped.fitting import fit_surrogate
from lumped.stand_in import stand_in_beat
from lumped.surrogate import Surrogate, VesselPath, surrogate_from_paths
from planning.solver.acceleration import Accelerator
from tests.cfd.tube import tube
from tests.verification.few_beats import FLUID, STEPS

RADIUS, LENGTH = 1.5e-3, 8e-3
AIMS = (
    Aim(of=Measure(quantity="pressure", of="descending_aorta"), wanted=46.0 * MMHG),
    Aim(
        of=Measure(quantity="flow", of="aortic_valve"),
        over=Measure(quantity="flow", of="pulmonary_valve"),
        wanted=1.6,
    ),
)
"""Mean aortic pressure, and Qp/Qs: what the left ventricle ejects over what the right one does."""
KNOBS = {
    "systemic resistance": [(f"{name}_arteries", "resistance") for name in ("splanchnic", "renal", "iliac")],
    "pulmonary resistance": [(f"{side}_pulmonary_arterioles", "resistance") for side in ("left", "right")],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """(r, 2) values of the aims in the 3D beat of each round."""

    reached: FloatArray

    @property
    def misses(self) -> FloatArray:
        """(r,) largest relative miss of each round."""
        wanted = np.array([aim.wanted for aim in AIMS])
        return np.asarray(np.abs(self.reached / wanted - 1.0).max(axis=1))


def centreline_star() -> Surrogate:
    """What a centreline would say of the duct."""
    path = VesselPath(arc_length=np.array([0.0, LENGTH]), radius=np.array([RADIUS, RADIUS]))
    return surrogate_from_paths("inlet", {"outlet": path}, density=FLUID.density, viscosity=FLUID.viscosity)


def tune(corrections: int) -> Tuned:
    """Two beats for each set of parameters, corrected as often as asked."""
    whole = load_anatomy("patent_duct")
    opened = replace(
        whole,
        connections=tuple(each for each in whole.connections if each.name != "ductus_arteriosus"),
        ports=(
            Port(name="inlet", node="descending_aorta"),
            Port(name="outlet", node="main_pulmonary_artery"),
        ),
    )
    star = centreline_star()
    boundary = tune_circulation(CirculationBoundary(model=build(opened)), [star], AIMS, KNOBS)
    reached = []
    for correction in range(corrections + 1):
        history, values = two_beats(boundary, star)
        reached.append(values)
        if correction < corrections:
            star = fit_surrogate(history, period=boundary.model.period).surrogate
            boundary = tune_circulation(boundary, [star], AIMS, KNOBS, reached=values)
    return Tuned(reached=np.array(reached))


def two_beats(boundary: CirculationBoundary, star: Surrogate) -> tuple[PortHistory, list[float]]:
    """Histories of two 3D beats, the second corrected, and the values of the aims in it."""
    domain = tube(RADIUS, LENGTH, 4, 8)
    patches = tuple(
        patch if patch.role is Role.WALL else replace(patch, role=Role.OUTLET) for patch in domain.patches
    )
    settings = replace(DEFAULTS["P1-P1"], pressure_tolerance=1e-9)
    stepper = build_stepper(replace(domain, patches=patches), FLUID, "P1-P1", settings)
    starts: list[FloatArray] = []
    with tempfile.TemporaryDirectory() as folder:
        accelerator = Accelerator(
            circulation_beat_map(stand_in_beat(boundary, [star])),
            boundary,
            Path(folder, "beats.npz"),
            fingerprint="",
            comm=MPI.COMM_WORLD,
        )

        def between(state, cycle):
            state = accelerator(state, cycle)
            starts.append(state.circuit)
            return state

        period = boundary.model.period
        simulation = Simulation(
            stepper, boundary, {}, dt=period / STEPS, cycles=2, period=period, between=between
        )
        simulation.run(stepper.initial_state(boundary))
    history = simulation.history()
    beat = beat_of(boundary, starts[-1], history.flows[-STEPS:])
    return history, [aim.value(beat) for aim in AIMS]
