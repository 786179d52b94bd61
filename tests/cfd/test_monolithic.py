"""The monolithic reference against exact solutions: it must be beyond doubt before anything is measured against it."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from mpi4py import MPI
from scipy.integrate import cumulative_simpson
from scipy.optimize import brentq

from cfd.fluid import CarreauYasuda, Fluid
from cfd.monolithic import Monolithic
from cfd.monolithic_boundary import still
from cfd.monolithic_forms import viscosity_of
from hemoplan.errors import BoundaryError, CaseError, DivergenceError, MeshError

ROOT = Path(__file__).parents[2]
LEFT, RIGHT, BOTTOM, TOP, BACK, FRONT = 1, 2, 3, 4, 5, 6
RHO, MU = 1060.0, 0.0035


def tagged(mesh):
    """The mesh of a box, its sides tagged by axis."""
    tdim = mesh.topology.dim
    mesh.topology.create_connectivity(tdim - 1, tdim)
    facets = dmesh.exterior_facet_indices(mesh.topology)
    centres = dmesh.compute_midpoints(mesh, tdim - 1, facets)
    tags = np.zeros(len(facets), dtype=np.int32)
    for axis in range(tdim):
        x = mesh.geometry.x[:, axis]
        tags[np.abs(centres[:, axis] - x.min()) < 1e-9] = 1 + 2 * axis
        tags[np.abs(centres[:, axis] - x.max()) < 1e-9] = 2 + 2 * axis
    return mesh, dmesh.meshtags(mesh, tdim - 1, facets, tags)


def rectangle(corner, far_corner, nx, ny):
    return tagged(dmesh.create_rectangle(MPI.COMM_SELF, [corner, far_corner], [nx, ny]))


def cube(n):
    return tagged(dmesh.create_unit_cube(MPI.COMM_SELF, n, n, n))


def poiseuille(x, t):
    """Parabola between y = 0 and 1 with a peak of 1 m/s."""
    return np.stack([4.0 * x[:, 1] * (1.0 - x[:, 1]), np.zeros(len(x))], axis=1)


def error(function, exact):
    """L2 norm of the difference of a function and a UFL expression of x."""
    x = ufl.SpatialCoordinate(function.function_space.mesh)
    difference = function - exact(x)
    return float(np.sqrt(fem.assemble_scalar(fem.form(ufl.inner(difference, difference) * ufl.dx(degree=8)))))


def sides(*tags, data):
    return dict.fromkeys(tags, data)


# --- steady flow ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("viscosity", [MU, lambda shear_rate: MU + 0.0 * shear_rate], ids=["number", "law"])
def test_poiseuille_flow_is_exact(viscosity):
    """P2 holds the parabola and P1 the pressure; do-nothing lets it out undisturbed, also for a law of viscosity."""
    mesh, tags = rectangle((0, 0), (2, 1), 6, 4)
    solver = Monolithic(
        mesh,
        tags,
        density=RHO,
        viscosity=viscosity,
        velocity={LEFT: poiseuille, BOTTOM: still, TOP: still},
        pressure={RIGHT: 50.0},
    )
    state = solver.solve_steady()
    points = np.array([[0.3, 0.2], [1.1, 0.5], [1.9, 0.85]])
    np.testing.assert_allclose(solver.velocity_at(state, points), poiseuille(points, 0.0), atol=1e-10)
    np.testing.assert_allclose(
        solver.pressure_at(state, points), 50.0 + 8.0 * MU * (2.0 - points[:, 0]), rtol=1e-10
    )
    assert solver.flow(state, RIGHT) == pytest.approx(2.0 / 3.0, rel=1e-10)
    assert solver.flow(state, LEFT) == pytest.approx(-2.0 / 3.0, rel=1e-10)


def test_plane_of_symmetry_halves_the_channel():
    mesh, tags = rectangle((0, 0), (2, 0.5), 6, 3)
    solver = Monolithic(
        mesh,
        tags,
        density=RHO,
        viscosity=MU,
        velocity={LEFT: poiseuille, BOTTOM: still},
        pressure={RIGHT: 0.0},
        symmetry={TOP: 1},
    )
    state = solver.solve_steady()
    points = np.array([[0.3, 0.2], [1.1, 0.5], [1.9, 0.35]])
    np.testing.assert_allclose(solver.velocity_at(state, points), poiseuille(points, 0.0), atol=1e-10)


def kovasznay(x):
    """Flow behind a grid at Re 40, an exact solution (Kovasznay, Math. Proc. Camb. Philos. Soc. 44 (1948))."""
    k = 20.0 - np.sqrt(400.0 + 4.0 * np.pi**2)
    xp = ufl if isinstance(x, ufl.SpatialCoordinate) else np
    grows = xp.exp(k * x[0])
    u = 1.0 - grows * xp.cos(2.0 * np.pi * x[1])
    v = k / (2.0 * np.pi) * grows * xp.sin(2.0 * np.pi * x[1])
    return u, v, -0.5 * xp.exp(2.0 * k * x[0])


def test_kovasznay_flow_converges_at_third_and_second_order():
    errors = []
    for n in (24, 48):
        mesh, tags = rectangle((-0.5, -0.5), (1.0, 1.5), n, n)
        data = sides(LEFT, RIGHT, BOTTOM, TOP, data=lambda x, t: np.stack(kovasznay(x.T)[:2], axis=1))
        solver = Monolithic(mesh, tags, density=1.0, viscosity=1.0 / 40.0, velocity=data)
        state = solver.solve_steady()
        velocity, pressure = solver.velocity_function(state), solver.pressure_function(state)
        x = ufl.SpatialCoordinate(mesh)
        mean = fem.assemble_scalar(fem.form(kovasznay(x)[2] * ufl.dx(degree=10))) / 3.0
        errors.append(
            (
                error(velocity, lambda x: ufl.as_vector(kovasznay(x)[:2])),
                error(pressure, lambda x, mean=mean: kovasznay(x)[2] - mean),
            )
        )
    orders = np.log2(np.array(errors[0]) / np.array(errors[1]))
    assert orders[0] == pytest.approx(3.0, abs=0.15)
    assert orders[1] == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("compression", [0.0, 1e-5], ids=["exact factors", "compressed factors"])
def test_quadratic_flow_in_3d_is_exact(compression):
    """u = (y², z², x²) and p = x + y + z are in the spaces; the body force keeps them in balance."""

    def force(x, t):
        u = ufl.as_vector([x[1] ** 2, x[2] ** 2, x[0] ** 2])
        laplacian = ufl.as_vector([2.0, 2.0, 2.0])
        return ufl.dot(ufl.grad(u), u) - 0.5 * laplacian + ufl.grad(x[0] + x[1] + x[2])

    def exact(x, t):
        return np.stack([x[:, 1] ** 2, x[:, 2] ** 2, x[:, 0] ** 2], axis=1)

    mesh, tags = cube(2)
    data = sides(LEFT, RIGHT, BOTTOM, TOP, BACK, FRONT, data=exact)
    solver = Monolithic(
        mesh,
        tags,
        density=1.0,
        viscosity=0.5,
        velocity=data,
        body_force=force,
        compression=compression,
    )
    state = solver.solve_steady()
    points = np.random.default_rng(1).random((20, 3))
    np.testing.assert_allclose(solver.velocity_at(state, points), exact(points, 0.0), atol=1e-9)
    np.testing.assert_allclose(solver.pressure_at(state, points), points.sum(axis=1) - 1.5, atol=1e-7)


def test_blood_thins_in_a_channel_as_the_one_dimensional_balance_says():
    """mu(g) g = G y between plates, y from the axis: the profile by root finding and quadrature, and dp/dx = -G."""
    fluid = Fluid(density=RHO, viscosity=0.00345, thinning=CarreauYasuda())
    viscosity, half, gradient = viscosity_of(fluid), 2e-3, 60.0
    y = np.linspace(0.0, half, 2001)
    shear = np.array(
        [brentq(lambda g, s=s: viscosity(g) * g - gradient * s, 0.0, 1e5, xtol=1e-12) for s in y]
    )
    speed = cumulative_simpson(shear, x=y, initial=0.0)
    speed = speed[-1] - speed

    def developed(x, t):
        return np.stack([np.interp(x[:, 1], y, speed), np.zeros(len(x))], axis=1)

    mesh, tags = rectangle((0, 0), (4e-3, half), 10, 16)
    solver = Monolithic(
        mesh,
        tags,
        density=fluid.density,
        viscosity=viscosity,
        velocity={LEFT: developed, TOP: still},
        pressure={RIGHT: 0.0},
        symmetry={BOTTOM: 1},
    )
    state = solver.solve_steady()
    points = np.array([[2e-3, 0.0], [2e-3, 1e-3], [3.9e-3, 1.7e-3]])
    velocity, pressure = solver.velocity_at(state, points), solver.pressure_at(state, points)
    np.testing.assert_allclose(velocity[:, 0], developed(points, 0.0)[:, 0], rtol=2e-4)
    np.testing.assert_allclose(pressure, gradient * (4e-3 - points[:, 0]), rtol=2e-3, atol=1e-4)
    newtonian = gradient * half**2 / (2.0 * fluid.viscosity)
    assert speed[0] < 0.9 * newtonian  # the law matters here


# --- time ----------------------------------------------------------------------------------------------------------


def decay(x, t):
    """Taylor–Green vortices on [0, 1]² with kinematic viscosity 0.05: exact, their convection is a gradient."""
    strength = np.exp(-2.0 * np.pi**2 * 0.05 * t)
    u = -np.cos(np.pi * x[:, 0]) * np.sin(np.pi * x[:, 1])
    v = np.sin(np.pi * x[:, 0]) * np.cos(np.pi * x[:, 1])
    return strength * np.stack([u, v], axis=1)


def test_taylor_green_vortices_decay_at_second_order_in_time():
    mesh, tags = rectangle((0, 0), (1, 1), 16, 16)
    solver = Monolithic(
        mesh, tags, density=1.0, viscosity=0.05, velocity=sides(LEFT, RIGHT, BOTTOM, TOP, data=decay)
    )
    points = solver.velocity_space.tabulate_dof_coordinates()[:, :2]
    errors = []
    for steps in (8, 16):
        dt = 1.6 / steps
        state = solver.initial_state(decay, past=dt)
        for _ in range(steps):
            state = solver.advance(state, dt)
        errors.append(np.abs(state.velocity - decay(points, 1.6)).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.15)


def swaying(t):
    return 1.0 + 0.5 * np.sin(3.0 * t)


def quadratic(x, t):
    return swaying(t) * np.stack([x[:, 1] ** 2, x[:, 0] ** 2], axis=1)


def swaying_force(x, t):
    """What keeps `quadratic` and the pressure swaying (x - y) in balance, for density 1 and viscosity 0.1."""
    strength, rate = 1.0 + 0.5 * ufl.sin(3.0 * t), 1.5 * ufl.cos(3.0 * t)
    shape = ufl.as_vector([x[1] ** 2, x[0] ** 2])
    convection = strength**2 * ufl.dot(ufl.grad(shape), shape)
    rest = ufl.as_vector([1.0 - 0.2, -1.0 - 0.2])
    return rate * shape + convection + strength * rest


@pytest.mark.parametrize("nonlinear", [False, True], ids=["linear", "nonlinear"])
def test_steps_of_changing_size_are_of_second_order(nonlinear):
    """The exact flow is in the spaces, so that all of the error is that of the time step: velocity, pressure, force."""
    mesh, tags = rectangle((0, 0), (1, 1), 3, 3)
    solver = Monolithic(
        mesh,
        tags,
        density=1.0,
        viscosity=0.1,
        velocity=sides(LEFT, RIGHT, BOTTOM, TOP, data=quadratic),
        body_force=swaying_force,
        nonlinear_steps=nonlinear,
    )
    points = solver.velocity_space.tabulate_dof_coordinates()[:, :2]
    vertices = solver.pressure_space.tabulate_dof_coordinates()
    errors = []
    for steps in (40, 80):
        sizes = np.where(np.arange(steps) % 2 == 0, 1.4, 0.6) / steps
        state = solver.initial_state(quadratic, past=sizes[1])
        for dt in sizes:
            state = solver.advance(state, dt)
        pressure = swaying(state.time) * (vertices[:, 0] - vertices[:, 1])
        rate = 1.5 * np.cos(3.0 * state.time) * np.stack([points[:, 1] ** 2, points[:, 0] ** 2], axis=1)
        errors.append(
            [
                np.abs(state.velocity - quadratic(points, state.time)).max(),
                np.abs(state.pressure - pressure).max(),
                np.abs(state.acceleration - rate).max(),
            ]
        )
    orders = np.log2(np.array(errors[0]) / np.array(errors[1]))
    np.testing.assert_allclose(orders, 2.0, atol=0.15)


def test_first_step_without_a_past_does_not_spoil_the_order():
    """Backward Euler once has a local error of second order."""
    mesh, tags = rectangle((0, 0), (1, 1), 3, 3)
    data = sides(LEFT, RIGHT, BOTTOM, TOP, data=quadratic)
    solver = Monolithic(mesh, tags, density=1.0, viscosity=0.1, velocity=data, body_force=swaying_force)
    points = solver.velocity_space.tabulate_dof_coordinates()[:, :2]
    errors = []
    for steps in (40, 80):
        state = solver.initial_state(quadratic)
        for _ in range(steps):
            state = solver.advance(state, 1.0 / steps)
        errors.append(np.abs(state.velocity - quadratic(points, 1.0)).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.15)


# --- forces --------------------------------------------------------------------------------------------------------


def test_still_water_weighs_on_its_vessel():
    """The sum over the walls is the weight, the pressure is hydrostatic, its mean zero."""
    mesh, tags = rectangle((0, 0), (2, 1), 4, 3)
    walls = sides(LEFT, RIGHT, BOTTOM, TOP, data=still)
    solver = Monolithic(
        mesh,
        tags,
        density=RHO,
        viscosity=MU,
        velocity=walls,
        body_force=lambda x, t: ufl.as_vector([0.0, -RHO * 9.81]),
    )
    state = solver.solve_steady()
    np.testing.assert_allclose(
        solver.reaction(state, LEFT, RIGHT, BOTTOM, TOP), [0.0, -RHO * 9.81 * 2.0], atol=1e-6 * RHO
    )
    heights = np.array([[1.0, 0.0], [1.0, 0.75]])
    np.testing.assert_allclose(
        solver.pressure_at(state, heights), RHO * 9.81 * (0.5 - heights[:, 1]), rtol=1e-9
    )


def test_force_on_the_walls_balances_momentum_in_unsteady_flow():
    """Force on all of the boundary = body force - d/dt of the momentum - momentum that leaves; all integrals exact."""
    mesh, tags = rectangle((0, 0), (1, 1), 3, 3)
    data = sides(LEFT, RIGHT, BOTTOM, TOP, data=quadratic)
    solver = Monolithic(
        mesh, tags, density=1.0, viscosity=0.1, velocity=data, body_force=swaying_force, nonlinear_steps=True
    )
    state = solver.initial_state(quadratic, past=1e-4)
    state = solver.advance(state, 1e-4)
    strength, t = swaying(state.time), state.time
    # By integrating the strong form: rho Du/Dt - f = mu laplace(u) - grad p = strength (0.2 - 1, 0.2 + 1).
    np.testing.assert_allclose(
        solver.reaction(state, LEFT, RIGHT, BOTTOM, TOP), -strength * np.array([-0.8, 1.2]), rtol=1e-5
    )
    assert t == pytest.approx(1e-4)


# --- what goes wrong -----------------------------------------------------------------------------------------------


def box_solver(**changes):
    mesh, tags = rectangle((0, 0), (1, 1), 2, 2)
    arguments = {
        "density": RHO,
        "viscosity": MU,
        "velocity": {LEFT: poiseuille, BOTTOM: still, TOP: still},
        "pressure": {RIGHT: 0.0},
    }
    return Monolithic(mesh, tags, **(arguments | changes))


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"pressure": {}}, BoundaryError, r"no condition.*2 facets"),
        ({"pressure": {RIGHT: 0.0, TOP: 0.0}}, BoundaryError, r"two conditions.*tag 4"),
        ({"pressure": {RIGHT: 0.0, 77: 0.0}}, BoundaryError, r"without facets.*tag 77"),
        ({"viscosity": 0.0}, CaseError, r"viscosity is not a positive number.*0\.0"),
        ({"density": float("nan")}, CaseError, r"density is not a positive number"),
    ],
)
def test_wrong_data_are_refused(changes, kind, message):
    with pytest.raises(kind, match=message):
        box_solver(**changes)


def test_cells_that_are_no_simplices_are_refused():
    mesh, tags = tagged(dmesh.create_unit_square(MPI.COMM_SELF, 2, 2, dmesh.CellType.quadrilateral))
    with pytest.raises(MeshError, match="quadrilateral"):
        Monolithic(mesh, tags, density=RHO, viscosity=MU, velocity=sides(1, 2, 3, 4, data=still))


def test_inflow_that_is_not_finite_is_refused():
    solver = box_solver(velocity={LEFT: lambda x, t: x / 0.0, BOTTOM: still, TOP: still})
    with np.errstate(all="ignore"), pytest.raises(BoundaryError, match=r"not finite.*t = 0 s"):
        solver.solve_steady()


def test_inflow_of_the_wrong_shape_is_refused():
    solver = box_solver(velocity={LEFT: lambda x, t: x[:, 0], BOTTOM: still, TOP: still})
    with pytest.raises(BoundaryError, match=r"wrong shape.*expected \(5, 2\)"):
        solver.solve_steady()


def test_inflow_into_a_closed_box_is_refused():
    solver = box_solver(velocity={LEFT: poiseuille, BOTTOM: still, TOP: still, RIGHT: still}, pressure={})
    with pytest.raises(BoundaryError, match=r"do not balance.*0\.666667 .*more leaves|do not balance"):
        solver.solve_steady()


@pytest.mark.parametrize("dt", [0.0, -1.0, float("nan")])
def test_time_step_that_is_not_positive_is_refused(dt):
    solver = box_solver()
    with pytest.raises(CaseError, match="time step"):
        solver.advance(solver.initial_state(), dt)


def test_point_outside_is_refused():
    solver = box_solver()
    with pytest.raises(MeshError, match=r"outside the mesh.*1\.5, 0\.5"):
        solver.pressure_at(solver.initial_state(), np.array([[0.5, 0.5], [1.5, 0.5]]))


def test_flow_that_is_too_fast_for_the_mesh_is_reported():
    """At Re 3e7 on two cells there is nothing for Newton's method to find."""
    solver = box_solver(
        velocity={
            LEFT: lambda x, t: 100.0 * poiseuille(x, t),
            BOTTOM: still,
            TOP: still,
        },
        viscosity=3e-3,
    )
    start = solver.initial_state(lambda x, t: 1e6 * np.random.default_rng(3).standard_normal(x.shape))
    with pytest.raises(DivergenceError, match=r"no steady flow.*inertia.*[Aa]dvance in time"):
        solver.solve_steady(start)


# --- ranks ---------------------------------------------------------------------------------------------------------

PROGRAM = """
from mpi4py import MPI
from tests.verification.channel_mesh import channel
from tests.verification.dfg import DFG_2D2, measure, reference_solver
solver = reference_solver(DFG_2D2, channel(2, 6, curved=True))
state = solver.initial_state()
for dt in (0.01, 0.01, 0.02):
    state = solver.advance(state, dt)
found = measure(DFG_2D2, solver, state)
if MPI.COMM_WORLD.rank == 0:
    print(found.drag, found.lift, found.pressure_difference, solver.flow(state, 3))
else:
    solver.flow(state, 3)
"""


@pytest.mark.mpi
def test_two_ranks_find_what_one_finds():
    if shutil.which("mpirun") is None:
        pytest.skip("there is no mpirun")
    results = []
    for ranks in (1, 2):
        command = ["mpirun", "--oversubscribe", "-n", str(ranks), sys.executable, "-c", PROGRAM]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        results.append([float(word) for word in done.stdout.split()])
    assert len(results[0]) == 4
    np.testing.assert_allclose(results[1], results[0], rtol=1e-8, atol=1e-10)
