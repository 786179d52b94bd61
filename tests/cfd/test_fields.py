"""The files that a run leaves hold what they say, and open in other programs."""

import meshio
import numpy as np
import pytest
import pyvista as pv

from cfd.cycle_statistics import PHASES, CycleStatistics
from cfd.fields import FlowSeries, write_volume, write_wall
from cfd.fluid import Fluid
from cfd.fractional_step import StepSettings
from cfd.mesh_order import MeshOrder
from cfd.stepper import build_stepper
from hemoplan.circuit import FixedPressures
from tests.cfd.tube import tube

RADIUS, LENGTH, FLOW = 2e-3, 8e-3, 2e-6
SPIN = 30.0


@pytest.fixture(scope="module", params=["P1-P1", "P2-P1"])
def flow(request):
    """A stepper, its statistics over ten steps, and the last state."""
    settings = StepSettings(form="convective", stabilise=False)
    fluid = Fluid(density=1060.0, viscosity=0.02)
    stepper = build_stepper(tube(RADIUS, LENGTH, 6, 6), fluid, request.param, settings)
    circuit = FixedPressures(("outlet",))
    statistics, state = CycleStatistics(stepper, peak_step=3), stepper.initial_state(circuit)
    for _ in range(10):
        state, report = stepper.advance(state, 5e-3, circuit, FLOW)
        statistics.add(state, report)
    return stepper, statistics, state


def test_volume_holds_the_flow_and_its_vortices(flow, tmp_path):
    """Written: rigid rotation; read: its velocity and pressure, vorticity 2 w and Q = w²."""
    vertices = flow[0].vertices
    points = vertices.coordinates
    velocity = np.cross([0.0, 0.0, SPIN], points)
    arrays = {"velocity": velocity, "pressure": 7.0 * points[:, 2]}
    write_volume(tmp_path / "a" / "flow.vtu", vertices, MeshOrder(vertices), arrays)
    found = meshio.read(tmp_path / "a" / "flow.vtu")
    data = found.point_data
    assert set(data) == {
        "velocity", "pressure", "vorticity", "q_criterion", "helicity", "normalised_helicity"
    }  # fmt: skip
    np.testing.assert_allclose(data["velocity"], np.cross([0.0, 0.0, SPIN], found.points), atol=1e-12)
    np.testing.assert_allclose(data["pressure"].ravel(), 7.0 * found.points[:, 2], atol=1e-15)
    np.testing.assert_allclose(data["vorticity"], np.tile([0, 0, 2 * SPIN], (len(points), 1)), atol=1e-9)
    np.testing.assert_allclose(data["q_criterion"].ravel(), SPIN**2, rtol=1e-9)
    assert len(found.get_cells_type("tetra")) == len(vertices.cells)
    grid = pv.read(tmp_path / "a" / "flow.vtu")
    assert grid.volume == pytest.approx(vertices.volumes.sum(), rel=1e-6)


def test_pressure_alone_has_no_vortices(flow, tmp_path):
    vertices = flow[0].vertices
    write_volume(tmp_path / "p.vtu", vertices, MeshOrder(vertices), {"pressure": np.ones(vertices.nodes)})
    assert set(meshio.read(tmp_path / "p.vtu").point_data) == {"pressure"}


def test_wall_holds_indices_and_phases(flow, tmp_path):
    """Constant flow in a tube: all times are alike, and the stress is along the axis."""
    stepper, statistics, _ = flow
    vertices = stepper.vertices
    write_wall(tmp_path / "wall.vtu", vertices, MeshOrder(vertices), statistics)
    found = meshio.read(tmp_path / "wall.vtu")
    data = found.point_data
    phases = {f"wss_phase_{phase}" for phase in range(PHASES)}
    assert set(data) == {"tawss", "osi", "rrt", "transwss", "wss_mean", "wss_peak"} | phases
    assert len(found.points) == len(statistics.wall_shear.nodes)
    middle = np.abs(found.points[:, 2] - 0.5 * LENGTH) < 0.3 * LENGTH
    speed = np.linalg.norm(data["wss_mean"], axis=1)
    # The first of the two samples is that of the start, so times differ, but not directions.
    assert data["osi"].ravel()[middle].max() < 0.02
    np.testing.assert_allclose(data["rrt"].ravel()[middle], 1.0 / speed[middle], rtol=1e-6)
    assert (data["transwss"].ravel()[middle] < 0.05 * speed[middle].max()).all()
    assert (data["wss_mean"][middle, 2] > 0.9 * speed[middle]).all()
    skin = pv.read(tmp_path / "wall.vtu").extract_surface(algorithm=None)
    assert skin.area == pytest.approx(
        stepper.vertices.patch_facets(*stepper.elements.domain.wall).areas.sum()
    )


def test_series_is_written_at_its_times(flow, tmp_path):
    stepper, _, state = flow
    series = FlowSeries(tmp_path / "flow.bp", stepper)
    series.write(state)
    series.close()
    assert (tmp_path / "flow.bp").is_dir()
