"""Transport of scalars against exact solutions: rotation, fronts, diffusion along and across a channel, mean age."""

import numpy as np
import pytest

from hemoplan.arrays import FloatArray
from tests.cfd.tube import tube
from tests.verification.boxes import box
from tests.verification.carried import Carrier, through

NO_PORT = np.zeros(0)


def turning(points: FloatArray) -> FloatArray:
    """Rigid rotation with one radian a second inside 0.75, that ends smoothly at 0.97."""
    ease = np.clip((0.97 - np.hypot(*points.T)) / 0.22, 0.0, 1.0)
    rate = ease**3 * (10.0 - 15.0 * ease + 6.0 * ease**2)
    return np.column_stack([-rate * points[:, 1], rate * points[:, 0]])


def pulse(points: FloatArray) -> FloatArray:
    return np.exp(-((points[:, 0] - 0.25) ** 2 + points[:, 1] ** 2) / 0.15**2)


def disc(points: FloatArray) -> FloatArray:
    return 1.0 * (np.hypot(points[:, 0] - 0.3, points[:, 1]) < 0.2)


def half_turn(cells: int, degree: int) -> tuple[FloatArray, FloatArray, tuple[float, float]]:
    """Relative errors in L1 of pulse and disc after half a turn, change of amounts, and the range of values."""
    carrier = Carrier.of(box(2, cells), turning, NO_PORT, degree=degree)
    transport, points = carrier.transport, carrier.vertices.coordinates
    values = np.column_stack([pulse(points), disc(points)])
    exact = np.column_stack([pulse(-points), disc(-points)])
    start = transport.amounts(values)
    low, high = 0.0, 1.0
    steps = 2 * cells
    for _ in range(steps):
        values = transport.carry(
            values, carrier.stream, np.pi / steps, entering=np.zeros((0, 2))
        ).concentrations
        low, high = min(low, values.min()), max(high, values.max())
    errors = transport.amounts(np.abs(values - exact)) / start
    return errors, transport.amounts(values) / start - 1.0, (low, high)


@pytest.fixture(scope="module", params=[1, 2], ids=["P1", "P2"])
def turns(request):
    """Half a turn on finer and finer meshes, with the velocity at the nodes of P1 or P2."""
    return [half_turn(cells, request.param) for cells in (24, 48, 96)]


def test_a_turning_pulse_comes_back_at_second_order(turns):
    """In L1: its top is limited as a front is, which costs order in norms that see little else."""
    errors = [errors[0] for errors, _, _ in turns]
    assert np.log2(errors[1] / errors[2]) > 1.85
    assert errors[2] < 0.012


def test_a_turning_front_stays_in_its_range(turns):
    """No value below the smallest or above the largest, but for the solver's tolerance; the front gets sharper."""
    for _, _, (low, high) in turns:
        assert low > -1e-6
        assert high < 1.0 + 1e-6
    errors = [errors[1] for errors, _, _ in turns]
    assert errors[2] < 0.25
    assert np.log2(errors[1] / errors[2]) > 0.6  # first order in L1 is out of reach of a contact front


def test_nothing_is_made_or_lost_in_a_closed_box(turns):
    for _, change, _ in turns:
        assert np.abs(change).max() < 1e-12


def test_a_front_passes_a_tube_in_plug_flow():
    """Volume over flow after it came in, the middle of the front is at the outlet, and the balance closes."""
    speed, length = 0.1, 8e-3
    domain = tube(2e-3, length, 6, 24)
    carrier = Carrier.of(domain, lambda x: np.tile([0.0, 0.0, speed], (len(x), 1)), flows_of(domain, speed))
    transport, flow = carrier.transport, flows_of(domain, speed)[1]
    values, dt = np.zeros((carrier.vertices.nodes, 1)), length / 24 / speed
    passed, leaving = 0.0, []
    for _ in range(48):
        done = transport.carry(values, carrier.stream, dt, entering=np.array([[1.0], [0.0]]))
        values, passed = done.concentrations, passed - dt * done.leaving.sum()
        assert transport.amounts(values)[0] == pytest.approx(passed, rel=1e-12)
        assert -1e-6 < values.min() < values.max() < 1.0 + 1e-6
        leaving.append(done.leaving[1, 0] / flow)
    times = dt * (np.arange(48) + 0.5)
    mean = np.sum(0.5 * (times[1:] + times[:-1]) * np.diff(leaving))
    assert leaving[-1] == pytest.approx(1.0, abs=1e-3)
    assert mean == pytest.approx(length / speed, rel=0.02)


def flows_of(domain, speed: float) -> FloatArray:
    """Plug flow through a tube of the tests; its ends are polygons."""
    elements = Carrier.of(domain, lambda x: np.zeros_like(x), np.zeros(2)).vertices
    flow = speed * float(elements.patch_facets(*domain.outlets).areas.sum())
    return np.array([-flow, flow])


def march(carrier: Carrier, sources: FloatArray, dt: float) -> tuple[FloatArray, FloatArray]:
    """The steady state (n,), and what leaves (2,), with nothing in what comes in."""
    values = np.zeros((carrier.vertices.nodes, 1))
    for _ in range(500):
        done = carrier.transport.carry(
            values, carrier.stream, dt, entering=np.zeros((2, 1)), sources=sources[:, np.newaxis]
        )
        change, values = np.abs(done.concentrations - values).max(), done.concentrations
        if change < 1e-7 * values.max():
            return values[:, 0], done.leaving[:, 0]
    raise AssertionError(f"not steady: {change}")


def test_age_along_a_channel_with_diffusion():
    """u a' - D a'' = 1 with the fluxes of Danckwerts at both ends: a = x/u + D/u² (1 - exp(-(L - x) u/D))."""
    length, speed, diffusivity, errors = 2.0, 1.0, 0.2, []
    for cells in (8, 16, 32):
        carrier = Carrier.of(
            through(length, 1.0, 2 * cells, cells),
            lambda x: np.tile([speed, 0.0], (len(x), 1)),
            np.array([-speed, speed]),
            diffusivity=diffusivity,
        )
        age, leaving = march(carrier, carrier.transport.volumes, 2.0 / cells)
        x = carrier.vertices.coordinates[:, 0]
        exact = x / speed + diffusivity / speed**2 * (1.0 - np.exp(-(length - x) * speed / diffusivity))
        errors.append(np.sqrt(carrier.transport.amounts(((age - exact) ** 2)[:, np.newaxis])[0]))
        assert leaving[1] == pytest.approx(length, rel=1e-6)  # volume over flow
    assert np.log2(errors[1] / errors[2]) > 1.7
    assert errors[2] < 4e-3


def test_wall_flux_into_developed_flow_between_plates():
    """Nusselt's number of developed flow between plates with the same flux through both is 140/17.

    On the hydraulic diameter 4 b, for the difference of wall and mean value: q 4 b / D (17 / 140). Source: Shah &
    London, Laminar Flow Forced Convection in Ducts (1978).
    """
    half, speed, diffusivity, cells = 0.5, 1.0, 0.25, 16

    def parabola(x: FloatArray) -> FloatArray:
        return np.column_stack([1.5 * speed * (1.0 - ((x[:, 1] - half) / half) ** 2), 0.0 * x[:, 0]])

    carrier = Carrier.of(
        through(4.0, 2.0 * half, 4 * cells, cells),
        parabola,
        np.array([-speed, speed]),
        degree=2,
        diffusivity=diffusivity,
    )
    vertices = carrier.vertices
    wall = vertices.patch_facets(*vertices.domain.wall)
    supply = np.zeros(vertices.nodes)
    np.add.at(supply, wall.corners, 0.5 * wall.areas[:, np.newaxis])
    values, leaving = march(carrier, supply, 2.0 / cells)
    assert leaving[1] == pytest.approx(8.0, rel=1e-5)
    at = np.flatnonzero(np.abs(vertices.coordinates[:, 0] - 3.0) < 1e-9)
    at = at[np.argsort(vertices.coordinates[at, 1])]
    y, along = vertices.coordinates[at, 1], parabola(vertices.coordinates[at])[:, 0]
    mean = np.trapezoid(along * values[at], y) / np.trapezoid(along, y)
    expected = 4.0 * half / diffusivity * 17.0 / 140.0
    assert values[at[[0, -1]]] - mean == pytest.approx(expected, rel=0.01)
