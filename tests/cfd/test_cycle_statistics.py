"""What is collected over a cycle, fed with states that are known functions of time."""

from dataclasses import replace

import numpy as np
import pytest

from cfd.cycle_statistics import PHASES, SAMPLE_EVERY, SERIES, CycleStatistics
from cfd.flow_state import StepReport
from cfd.fluid import Fluid
from cfd.linear_step import LinearStep
from hemoplan.circuit import FixedPressures
from tests.cfd.tube import tube

RADIUS, LENGTH, SPEED, PERIOD = 2e-3, 8e-3, 0.2, 0.5
FLUID = Fluid(density=1060.0, viscosity=0.004)
MEAN, SWING = 0.4, 1.0


def wave(phase):
    return MEAN + SWING * np.sin(2.0 * np.pi * phase)


@pytest.fixture(scope="module")
def stepper():
    return LinearStep(tube(RADIUS, LENGTH, 6, 6), FLUID)


def collect(stepper, steps, *, drop=0.0):
    """A parabola whose speed follows `wave`, with a steady pressure that falls along the tube."""
    statistics = CycleStatistics(stepper, peak_step=steps // 4)
    points = stepper.vertices.coordinates
    along = SPEED * (1.0 - (points[:, 0] ** 2 + points[:, 1] ** 2) / RADIUS**2)
    profile = np.column_stack([0.0 * along, 0.0 * along, along])
    rest = stepper.initial_state(
        FixedPressures(("outlet",)), pressure=lambda x: drop * (1.0 - x[:, 2] / LENGTH)
    )
    for step in range(1, steps + 1):
        state = replace(
            rest,
            time=step * PERIOD / steps,
            dt=PERIOD / steps,
            velocity=wave(step / steps) * profile,
            previous_velocity=wave(step / steps) * profile,
        )
        flows = stepper.flows(state.velocity)
        report = StepReport(
            pressures=np.array([drop, 0.0]),
            flows=flows,
            uncorrected_flows=flows,
            velocity_iterations=0,
            pressure_iterations=0,
        )
        statistics.add(state, report)
    return statistics


@pytest.mark.parametrize("steps", [60, 200, 1000, 1003])
def test_indices_of_an_oscillating_parabola(stepper, steps):
    """tau is proportional to the speed where convection and its pressure do not matter, so OSI is that of the wave."""
    statistics = collect(stepper, steps)
    on_wall = statistics.wall_shear.nodes
    indices = statistics.wall_indices()
    mean = statistics.mean("wss")[on_wall, 2]
    chosen = mean > 0.5 * mean.max()
    tawss = 2.0 / np.pi * (MEAN * np.arcsin(MEAN / SWING) + np.sqrt(SWING**2 - MEAN**2))
    osi = 0.5 * (1.0 - MEAN / tawss)
    np.testing.assert_allclose(indices.osi[on_wall][chosen], osi, atol=0.02)
    np.testing.assert_allclose(indices.rrt[on_wall][chosen] * mean[chosen], 1.0, rtol=1e-6)


@pytest.mark.parametrize("steps", [60, 200, 1000, 1003])
def test_stress_at_phases(stepper, steps):
    """Linear between times that are kept, of which there are more than half of `SERIES` in a long cycle."""
    statistics = collect(stepper, steps)
    nodes = statistics.wall_shear.nodes
    node = nodes[np.argmax(statistics.nodal["peak_wss"][nodes, 2])]
    peak = statistics.nodal["peak_wss"][node, 2] / wave((steps // 4) / steps)
    gap = max(2.0 / SERIES, SAMPLE_EVERY / steps)
    for phase in range(PHASES):
        found = statistics.shear_at_phase(phase / PHASES)[node, 2] / peak
        assert found == pytest.approx(wave(phase / PHASES), abs=1.05 * SWING * (2 * np.pi * gap) ** 2 / 8)


def test_a_cycle_of_few_steps_has_one_sample_for_all_phases(stepper):
    statistics = collect(stepper, SAMPLE_EVERY - 1)
    node = statistics.wall_shear.nodes[0]
    first = statistics.nodal["wss_series"][node, 0]
    assert np.abs(first).max() > 0.0
    for phase in (0.0, 0.3, 0.9):
        np.testing.assert_allclose(statistics.shear_at_phase(phase)[node], first)
    assert statistics.wall_indices().transwss.max() < 1e-9 * np.abs(first).max()


@pytest.mark.parametrize("samples", [1, SERIES, SERIES + 1, 2 * SERIES, 2 * SERIES + 1, 5 * SERIES])
def test_the_series_keeps_even_times(stepper, samples):
    """Whatever the length of the cycle, more than half of the room is used and the times are evenly spaced."""
    steps = SAMPLE_EVERY * samples
    statistics = collect(stepper, steps)
    count, positions = statistics._series_positions()
    assert min(samples, SERIES // 2 + 1) <= count <= SERIES
    node = statistics.wall_shear.nodes[0]
    series = statistics.nodal["wss_series"][node]
    expected = collect(stepper, steps).nodal["wss"][node]
    assert np.abs(expected).max() > 0.0
    scale = series[0] / wave(positions[0] / steps)
    np.testing.assert_allclose(
        series[:count, 2], scale[2] * wave(positions / steps), atol=1e-9 * np.abs(scale).max()
    )
    assert not series[count:, 2].any() or samples > SERIES


def test_total_pressure_of_the_openings(stepper):
    """p + rho |u|²/2, averaged with the flow: for a parabola of mean speed U that is p + rho U²."""
    statistics = collect(stepper, 40, drop=100.0)
    phases = np.arange(1, 41) / 40
    mean_speed = 0.5 * SPEED * wave(phases)
    at_inlet = 100.0 + FLUID.density * (mean_speed**3).sum() / mean_speed.sum()
    mean, peak = statistics.total_pressures("inlet")
    assert mean == pytest.approx(at_inlet, rel=0.03)
    assert peak == pytest.approx(100.0 + FLUID.density * mean_speed.max() ** 2, rel=0.03)
    assert statistics.total_pressures("outlet")[1] == pytest.approx(peak - 100.0, rel=1e-6)


def test_peak_is_that_of_its_step(stepper):
    statistics = collect(stepper, 40)
    speed = np.abs(statistics.nodal["peak_velocity"]).max()
    assert speed == pytest.approx(wave(0.25) * SPEED, rel=1e-9)
