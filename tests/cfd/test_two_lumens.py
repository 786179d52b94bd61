"""Two vessels that do not hang together in one mesh, as two great arteries whose duct is tied off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI

from cfd.domain import read_domain
from cfd.fluid import Fluid
from cfd.simulation import Simulation
from cfd.stepper import DEFAULTS, build_stepper
from hemoplan.circuit import FixedPressures
from hemoplan.errors import MeshError
from hemoplan.patch import Role
from hemoplan.waveform import Waveform
from tests.cfd.tube_mesh import INLET, OUTLET, PATCHES, TubeMesh, patch, tube_mesh

FLUID = Fluid(density=1060.0, viscosity=0.004)
RADIUS, LENGTH = 2e-3, 8e-3
PERIOD, STEPS = 0.4, 20
SECOND = {INLET: 4, OUTLET: 5}


def two_tubes(apart: float = 10e-3, **roles: Role) -> TubeMesh:
    """Two equal tubes beside each other; `roles` change those of the second one's openings."""
    one = tube_mesh(RADIUS, LENGTH)
    n = len(one.points)
    tags = one.tags.copy()
    for old, new in SECOND.items():
        tags[one.tags == old] = new
    _, first, second = PATCHES
    others = (
        patch("second_inlet", roles.get("inlet", Role.INLET), SECOND[INLET], first.normal),
        patch("second_outlet", roles.get("outlet", Role.OUTLET), SECOND[OUTLET], second.normal),
    )
    return one.but(
        points=np.vstack([one.points, one.points + [apart, 0.0, 0.0]]),
        cells=np.vstack([one.cells, one.cells + n]),
        facets=np.vstack([one.facets, one.facets + n]),
        tags=np.concatenate([one.tags, tags]),
        patches=(*PATCHES, *others),
    )


def constant(flow: float) -> Waveform:
    return Waveform(np.linspace(0.0, PERIOD, 10, endpoint=False), np.full(10, flow), PERIOD)


def run(mesh: TubeMesh, folder, pair: str, flows: dict[str, float], pressures: dict[str, float]):
    domain = read_domain(MPI.COMM_WORLD, mesh.write(folder))
    outer = FixedPressures(ports=tuple(pressures), pressures=tuple(pressures.values()))
    settings = replace(DEFAULTS[pair], pressure_tolerance=1e-10, velocity_tolerance=1e-10)
    stepper = build_stepper(domain, FLUID, pair, settings)
    inflow = {name: constant(flow) for name, flow in flows.items()}
    simulation = Simulation(stepper, outer, inflow, dt=PERIOD / STEPS, cycles=1)
    simulation.run(stepper.initial_state(outer))
    return simulation.history()


@pytest.mark.parametrize("pair", ["P1-P1", "P2-P1"])
def test_each_lumen_is_as_it_is_alone(tmp_path, pair):
    """Flow and pressure in one know nothing of the other: they are those of a mesh with one tube."""
    flows = {"inlet": 0.5e-6, "second_inlet": 1.0e-6}
    pressures = {"outlet": 5e3, "second_outlet": 2e3}
    both = run(two_tubes(), tmp_path / "both", pair, flows, pressures)
    for prefix in ("", "second_"):
        alone = run(
            tube_mesh(RADIUS, LENGTH),
            tmp_path / f"{prefix}alone",
            pair,
            {"inlet": flows[f"{prefix}inlet"]},
            {"outlet": pressures[f"{prefix}outlet"]},
        )
        for end in ("inlet", "outlet"):
            np.testing.assert_allclose(both.flow(prefix + end), alone.flow(end), rtol=1e-6)
            np.testing.assert_allclose(both.pressure(prefix + end), alone.pressure(end), atol=1e-2)
    assert np.ptp(both.pressures[-1]) > 2.9e3


def test_a_lumen_without_an_inlet_is_refused(tmp_path):
    mesh = two_tubes(inlet=Role.OUTLET)
    with pytest.raises(MeshError, match="falls into parts.*an inlet and another opening on each part"):
        read_domain(MPI.COMM_WORLD, mesh.write(tmp_path / "mesh"))


def test_lumens_that_touch_are_refused(tmp_path):
    """At a vertex that both share no blood passes, and yet they are no vessels by themselves."""
    mesh = two_tubes()
    n = len(mesh.points) // 2
    wall = np.setdiff1d(np.unique(mesh.facets[mesh.tags == 1]), np.unique(mesh.facets[mesh.tags != 1]))
    one = wall[wall < n][0]
    points, cells, facets = mesh.points.copy(), mesh.cells.copy(), mesh.facets.copy()
    other = one + n
    points[other] = points[one]
    for numbers in (cells, facets):
        numbers[numbers == other] = one
        numbers[numbers > other] -= 1
    touching = mesh.but(points=np.delete(points, other, axis=0), cells=cells, facets=facets)
    with pytest.raises(MeshError):
        read_domain(MPI.COMM_WORLD, touching.write(tmp_path / "mesh"))
