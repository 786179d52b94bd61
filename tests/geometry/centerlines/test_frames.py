"""Curvature, torsion, frames, smoothing and stations against curves whose shape is known."""

import numpy as np
import pytest

from geometry.centerlines.frames import bend_of, transport_frames
from geometry.centerlines.lines import Line
from geometry.centerlines.smoothing import resample, smooth
from geometry.centerlines.stations import at_arc, interpolate, plane_axes, station
from tests.geometry.centerlines.shapes import MM

RHO = 6 * MM


def _line(points, radius=2 * MM):
    return Line(outlet="end", points=points, radius=np.full(len(points), radius))


def _arc(rho, step, *, angle=np.pi):
    turn = np.arange(0.0, angle, step / rho)
    return rho * np.column_stack([np.cos(turn), np.sin(turn), 0 * turn])


def _helix(rho, pitch, step, *, turns=3.0):
    """Curvature rho / (rho² + b²) and torsion b / (rho² + b²), with b the rise per radian."""
    b = pitch / (2 * np.pi)
    turn = np.arange(0.0, 2 * np.pi * turns, step / np.hypot(rho, b))
    return np.column_stack([rho * np.cos(turn), rho * np.sin(turn), b * turn])


@pytest.mark.parametrize("rho", [4 * MM, 8 * MM, 30 * MM])
def test_curvature_of_an_arc(rho):
    bend = bend_of(_line(_arc(rho, 0.3 * MM)))
    inner = slice(8, -8)
    assert bend.curvature[inner] == pytest.approx(1.0 / rho, rel=0.01)
    assert np.abs(bend.torsion[inner]).max() < 0.02 / rho
    towards = -_arc(rho, 0.3 * MM) / rho
    assert np.einsum("ij,ij->i", bend.normal, towards)[inner].min() > 0.999
    assert bend.binormal[inner] == pytest.approx(np.tile([0.0, 0.0, 1.0], (len(towards) - 16, 1)), abs=1e-3)


@pytest.mark.parametrize("hand", [1.0, -1.0])
def test_torsion_of_a_helix(hand):
    points = _helix(RHO, 20 * MM, 0.3 * MM) * [1.0, 1.0, hand]
    bend = bend_of(_line(points))
    b = 20 * MM / (2 * np.pi)
    inner = slice(10, -10)
    assert bend.curvature[inner] == pytest.approx(RHO / (RHO**2 + b**2), rel=0.01)
    assert bend.torsion[inner] == pytest.approx(hand * b / (RHO**2 + b**2), rel=0.05)


def test_straight_line_has_no_bend():
    z = np.linspace(0.0, 30 * MM, 101)
    bend = bend_of(_line(np.column_stack([0 * z, 0 * z, z])))
    assert np.abs(bend.curvature).max() < 1e-6
    assert not bend.normal.any()
    assert not bend.torsion.any()


def test_transported_frame_of_an_arc_keeps_the_axis_of_the_bend():
    frames = transport_frames(_line(_arc(RHO, 0.3 * MM)), first=np.array([0.0, 0.0, 1.0]))
    assert frames[:, 1] == pytest.approx(np.tile([0.0, 0.0, 1.0], (len(frames), 1)), abs=1e-6)
    assert np.einsum("nij,nkj->nik", frames, frames) == pytest.approx(
        np.tile(np.eye(3), (len(frames), 1, 1)), abs=1e-9
    )
    assert np.linalg.det(frames) == pytest.approx(1.0)


def test_transported_frame_turns_against_frenets_by_the_total_torsion():
    points = _helix(RHO, 20 * MM, 0.1 * MM, turns=2.0)
    line = _line(points)
    bend, frames = bend_of(line), transport_frames(line)
    begin, end = 60, len(points) - 60
    angle = np.unwrap(
        np.arctan2(
            np.einsum("ij,ij->i", bend.normal, frames[:, 2]), np.einsum("ij,ij->i", bend.normal, frames[:, 1])
        )
    )
    b = 20 * MM / (2 * np.pi)
    torsion = b / (RHO**2 + b**2)
    assert angle[end] - angle[begin] == pytest.approx(torsion * (line.arc[end] - line.arc[begin]), rel=5e-3)


@pytest.mark.parametrize("waves", [1.4, 3.0])
def test_smoothing_does_not_shrink_a_bend(waves):
    """Waves in vessel radii; the vessel is as thick as a bend of this radius can hold (rho = R)."""
    step = 0.2 * 2 * MM
    points = _arc(2.0 * 2 * MM, step, angle=1.5 * np.pi)
    pinned = np.zeros(len(points), dtype=bool)
    pinned[[0, -1]] = True
    smoothed = smooth(points, waves * 5.0, pinned=pinned)
    rho = np.hypot(smoothed[:, 0], smoothed[:, 1])[6:-6]
    assert rho == pytest.approx(4 * MM, rel=2e-3 if waves < 2 else 2e-2)


def test_smoothing_damps_waves_by_their_length():
    n, waves = 800, 40.0
    index = np.arange(n)
    pinned = np.zeros(n, dtype=bool)
    pinned[[0, -1]] = True
    for length, gain in ((40.0, 0.5), (80.0, 16 / 17), (20.0, 1 / 17)):
        wave = np.column_stack([index * 1.0, np.sin(2 * np.pi * index / length), 0 * index])
        left = smooth(wave, waves, pinned=pinned)[200:-200, 1]
        assert np.abs(left).max() == pytest.approx(gain, rel=0.05)


def test_resampled_steps_are_even():
    rough = np.array([[0.0, 0, 0], [1, 0, 0], [1, 0, 0], [1.1, 0, 0], [4.3, 0, 0]]) * MM
    line = resample(rough, 0.5 * MM)
    steps = np.diff(line[:, 0])
    assert steps[:-1] == pytest.approx(0.5 * MM)
    assert 0.25 * MM <= steps[-1] <= 0.75 * MM
    assert line[-1] == pytest.approx(rough[-1])


def test_resampling_shorter_than_its_step():
    line = resample(np.array([[0.0, 0, 0], [0.1, 0, 0]]) * MM, 1 * MM)
    assert len(line) == 5
    assert (np.diff(line[:, 0]) > 0.0).all()


def test_stations_between_points_lie_on_the_arc():
    line = _line(_arc(RHO, 1.0 * MM))
    arcs = np.linspace(3 * MM, line.length - 3 * MM, 50)
    points, tangents, radius = interpolate(line, arcs)
    assert np.linalg.norm(points, axis=1) == pytest.approx(RHO, rel=2e-4)  # the chords reach 3e-3 inside
    assert np.einsum("ij,ij->i", tangents, points) == pytest.approx(0.0, abs=0.01 * RHO)
    assert radius == pytest.approx(2 * MM)


def test_station_by_arc_length():
    line = _line(_arc(RHO, 0.5 * MM))
    place = at_arc(line, 7.3 * MM)
    assert place.arc == pytest.approx(7.3 * MM)
    assert line.arc[place.index] == pytest.approx(7.3 * MM, abs=0.26 * MM)
    angle = 7.3 * MM / RHO
    assert place.point == pytest.approx([RHO * np.cos(angle), RHO * np.sin(angle), 0.0], abs=0.02 * MM)
    assert at_arc(line, -1.0).point == pytest.approx(line.points[0])
    assert at_arc(line, 1.0).point == pytest.approx(line.points[-1])


def test_axes_of_a_plane_are_right_handed_and_face_the_front():
    line = _line(_arc(RHO, 0.5 * MM))
    place = station(line, 10)
    for front in (None, np.array([0.0, 0.0, 2.0]), place.tangent):
        across, up = plane_axes(place, front=front)
        assert np.linalg.det([place.tangent, across, up]) == pytest.approx(1.0)
    assert plane_axes(place, front=np.array([0.0, 0.0, 2.0]))[0] == pytest.approx([0.0, 0.0, 1.0])
