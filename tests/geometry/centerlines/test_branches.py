"""Lines split into branches, bifurcations, and the surface that belongs to each."""

import numpy as np
import pytest

from geometry.centerlines.branches import find_bifurcations, find_branches, split, surface_branches, tube_gap
from geometry.centerlines.centerline import compute_centerline
from geometry.centerlines.lines import Centerline
from geometry.surfaces.surface import area_vectors
from tests.geometry.centerlines.shapes import MM
from tests.geometry.vessels import fork

STEP = 0.1 * MM


def _comb(*, places: tuple[float, ...], radius: float = 4 * MM, thin: float = 1.5 * MM) -> Centerline:
    """A straight trunk along z and thin vessels that leave it square, along x, at some heights."""
    trunk = np.arange(0.0, 60 * MM, STEP)
    lines = [np.column_stack([0 * trunk, 0 * trunk, trunk])]
    radii = [np.full(len(trunk), radius)]
    for place in places:
        low = trunk[trunk <= place + 1e-9]
        out = np.arange(STEP, 20 * MM, STEP)
        lines.append(
            np.vstack(
                [
                    np.column_stack([0 * low, 0 * low, low]),
                    np.column_stack([out, 0 * out, np.full(len(out), low[-1])]),
                ]
            )
        )
        inside = np.maximum(radius - out, thin)  # in the trunk, the ball is limited by the trunk's wall
        radii.append(np.concatenate([np.full(len(low), radius), inside]))
    points, radius_all = np.vstack(lines), np.concatenate(radii)
    offsets = np.cumsum([0, *map(len, lines)])
    names = ("end", *(f"side{k}" for k in range(len(places))))
    return Centerline(
        points=points,
        radius=radius_all,
        offsets=offsets,
        outlets=names,
        inlet="start",
        branch_id=split(points, radius_all, offsets),
    )


def test_tube_gap_is_the_distance_to_a_cylinder():
    z = np.linspace(0.0, 0.04, 4001)
    axis = np.column_stack([0 * z, 0 * z, z])
    points = np.array([[5 * MM, 0, 0.02], [0, 1 * MM, 0.01], [0, 0, 0.045]])
    gap, nearest = tube_gap(points, axis, np.full(len(z), 3 * MM))
    assert gap == pytest.approx([2 * MM, -2 * MM, 2 * MM], abs=1e-8)
    assert z[nearest] == pytest.approx([0.02, 0.01, 0.04], abs=1e-5)


def test_tube_gap_of_a_wide_and_a_thin_sphere_is_divided_by_their_radical_plane():
    axis, radius = np.array([[0.0, 0, 0], [10 * MM, 0, 0]]), np.array([6 * MM, 2 * MM])
    plane = (10**2 + 6**2 - 2**2) / (2 * 10) * MM
    points = np.column_stack([[plane - 1e-6, plane + 1e-6], [0, 0], [0, 0]])
    assert list(tube_gap(points, axis, radius)[1]) == [0, 1]


def test_side_branch_begins_at_the_surface_of_the_trunk():
    comb = _comb(places=(20 * MM,))
    trunk, *others = find_branches(comb)
    side = next(branch for branch in others if branch.outlets == ("side0",))
    distal = next(branch for branch in others if branch.outlets == ("end",))
    assert trunk.outlets == ("end", "side0")
    assert side.parent == distal.parent == trunk.id == 0
    assert side.points[0] == pytest.approx([4 * MM, 0, 20 * MM], abs=1.5 * STEP)
    assert side.length == pytest.approx(16 * MM, abs=3 * STEP)
    assert side.start == pytest.approx(24 * MM, abs=2 * STEP)
    assert 20 * MM + 1.5 * MM < distal.points[0, 2] < 20 * MM + 4.5 * MM


def test_branches_of_a_comb_follow_each_other():
    comb = _comb(places=(15 * MM, 30 * MM, 45 * MM))
    branches = find_branches(comb)
    assert len(branches) == 7
    trunks = [branch for branch in branches if "end" in branch.outlets]
    assert [len(branch.outlets) for branch in trunks] == [4, 3, 2, 1]
    assert [branch.parent for branch in trunks] == [-1, *(branch.id for branch in trunks[:-1])]
    assert sum(branch.length for branch in trunks) == pytest.approx(60 * MM, abs=6 * STEP)
    for line in comb.lines:
        assert (np.diff(line.branch_id) >= 0).all()
        assert line.branch_id[0] == 0


def test_opposite_branches_part_at_once():
    comb = _comb(places=(20 * MM, 20 * MM))
    mirrored = comb.points.copy()
    last = slice(comb.offsets[2], comb.offsets[3])
    mirrored[last, 0] *= -1.0
    branch_id = split(mirrored, comb.radius, comb.offsets)
    assert branch_id.max() == 3


def test_bifurcation_of_a_fork():
    surface = fork(size=0.5 * MM)
    lines = compute_centerline(surface)
    assert lines.branch_id.max() == 2
    (parting,) = find_bifurcations(lines)
    assert parting.children == (1, 2)
    assert abs(parting.origin[0]) < 0.3 * MM
    assert abs(parting.origin[1]) < 0.1 * MM
    assert 9 * MM < parting.origin[2] < 15 * MM
    assert abs(parting.normal @ [0.0, 1.0, 0.0]) > 0.99
    assert parting.upstream @ [0.0, 0.0, 1.0] > 0.99
    left, right = parting.directions
    assert left[0] * right[0] < 0.0
    assert left * [-1.0, 1.0, 1.0] == pytest.approx(right, abs=0.05)
    assert np.degrees(parting.angle) == pytest.approx(
        2 * np.degrees(np.arctan2(abs(right[0]), right[2])), abs=5
    )


def test_triangles_of_a_fork_belong_to_their_arms():
    surface = fork(size=0.6 * MM)
    lines = compute_centerline(surface)
    belongs = surface_branches(surface, lines)
    middle = surface.points[surface.triangles].mean(axis=1)
    arms = {name: int(lines.branch(name).branch_id[-1]) for name in ("left", "right")}
    assert (belongs[middle[:, 2] < 8 * MM] == 0).all()
    high = middle[:, 2] > 17 * MM
    assert (belongs[high & (middle[:, 0] < 0.0)] == arms["left"]).all()
    assert (belongs[high & (middle[:, 0] > 0.0)] == arms["right"]).all()
    areas = np.linalg.norm(area_vectors(surface.points, surface.triangles), axis=1)
    one, other = (areas[belongs == arm].sum() for arm in arms.values())
    assert one == pytest.approx(other, rel=0.05)
