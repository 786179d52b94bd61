"""Anatomy descriptions against the shapes that they describe."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from geometry.idealised.anatomy import BLEND_WIDTH, Anatomy, Branch, union_distance, union_distance_around
from geometry.idealised.anatomy_file import load_anatomy
from hemoplan.errors import CaseError

MM = 1.0e-3


def straight(name: str, start: list[float], end: list[float], radius: float) -> Branch:
    return Branch(
        name=name,
        control_points=MM * np.array([start, end]),
        stations=np.array([0.0, MM]),
        station_radii=MM * np.array([radius, radius]),
    )


def test_distance_of_a_straight_tube_is_exact() -> None:
    tube = straight("tube", [0, 0, 0], [0, 0, 20], 3.0)
    points = MM * np.array([[0, 0, 10], [3, 0, 10], [0, 5, 7], [0, 0, 25], [4, 0, -3]])
    expected = MM * np.array([-3.0, 0.0, 2.0, 2.0, 2.0])
    assert tube.distance(points) == pytest.approx(expected, abs=1e-9)


def test_control_points_on_a_circle_give_its_length_and_curvature() -> None:
    angle = np.linspace(0.0, np.pi, 25)
    arc = Branch(
        name="arc",
        control_points=10 * MM * np.column_stack([np.cos(angle), np.zeros_like(angle), np.sin(angle)]),
        stations=np.array([0.0, MM]),
        station_radii=MM * np.array([2.0, 2.0]),
    )
    assert arc.length == pytest.approx(np.pi * 10 * MM, rel=1e-3)
    # Outside of the bend and inside of it, on the plane of symmetry.
    points = MM * np.array([[0, 0, 13], [0, 0, 7.5], [0, 1, 10]])
    assert arc.distance(points) == pytest.approx(MM * np.array([1.0, 0.5, -1.0]), abs=2e-6)


def test_throat_has_the_radius_of_its_station(anatomy: Anatomy) -> None:
    aorta = anatomy.branch("aorta")
    radii = aorta.radius(aorta.arc_length)
    narrowest = int(np.argmin(radii))
    assert radii[narrowest] == pytest.approx(1.1 * MM, rel=1e-4)
    assert aorta.arc_length[narrowest] == pytest.approx(39.5 * MM, abs=0.05 * MM)


def test_points_swept_around_a_throat_lie_on_the_surface(anatomy: Anatomy) -> None:
    aorta = anatomy.branch("aorta")
    for position in MM * np.array([38.6, 39.5, 41.0, 45.0, 60.0]):
        index = int(np.argmin(np.abs(aorta.arc_length - position)))
        centre, tangent = aorta.centreline[index], aorta.tangents[index]
        side = np.cross(tangent, [0.0, 0.0, 1.0])
        side /= np.linalg.norm(side)
        points = centre + aorta.radius(position) * np.array([side, -side, np.cross(tangent, side)])
        assert aorta.distance(points) == pytest.approx(0.0, abs=0.01 * MM)


def test_blend_rounds_the_junction_only() -> None:
    one, other = straight("one", [-10, 0, 0], [10, 0, 0], 3.0), straight("two", [0, 0, 0], [0, 0, 12], 2.0)
    away = MM * np.array([[-8.0, 0, 3.5], [0, 2.5, 9.0]])
    assert union_distance((one, other), away) == pytest.approx(0.5 * MM, abs=1e-9)
    # In the crease both distances are equal; the blend lowers them by a quarter of its width.
    crease = MM * np.array([[2.5, 0.0, 3.5]])
    assert union_distance((one, other), crease) == pytest.approx(0.5 * MM - BLEND_WIDTH / 4.0, abs=1e-9)


def test_union_does_not_depend_on_the_order_of_branches(anatomy: Anatomy) -> None:
    lower, upper = anatomy.field_of_view
    points = np.random.default_rng(1).uniform(lower, upper, size=(5000, 3))
    forward = union_distance(anatomy.branches, points)
    each = np.min([branch.distance(points) for branch in anatomy.branches], axis=0)
    assert np.all(forward <= each + 1e-12)
    assert np.all(forward >= each - BLEND_WIDTH / 2.0)


def test_neighbours_keep_their_distance(anatomy: Anatomy) -> None:
    """No vein touches the artery: the gap is three voxels at least, else no segmentation could part them."""
    for neighbour in anatomy.neighbours:
        tube = neighbour.tube
        gaps = anatomy.distance(tube.centreline) - tube.radius(tube.arc_length)
        assert gaps.min() > 1.2 * MM, tube.name


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('diameter = "3 mm"', "diameter = 3", ["diameter", "missing unit"]),
        ('diameter = "3 mm"', 'diameter = "3 mmHg"', ["wrong dimension"]),
        ('diameter = "3 mm"', 'diametre = "3 mm"', ["unknown key", "did you mean 'diameter'?"]),
        (
            'branch = "aorta", at = "27.6 mm"',
            'branch = "aort", at = "27.6 mm"',
            ["unknown branch", "aort", "aorta"],
        ),
        (
            'branch = "aorta", at = "27.6 mm"',
            'branch = "aorta", at = "99 mm"',
            ["beyond the end", "99.0 mm", "72.3 mm"],
        ),
        ('name = "left_carotid"', 'name = "aorta"', ["used twice", "aorta"]),
        ('{ at = "42.2 mm"', '{ at = "39.2 mm"', ["must increase"]),
        ("blood = 300", "blood = ", ["not valid TOML"]),
    ],
)
def test_wrong_descriptions_are_explained(
    before: str, after: str, expected: list[str], tmp_path: Path, anatomy: Anatomy
) -> None:
    text = (Path(__file__).resolve().parents[3] / "cases/neonatal_coarctation/anatomy.toml").read_text()
    assert before in text
    path = tmp_path / "anatomy.toml"
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(CaseError) as error:
        load_anatomy(path)
    for part in ["anatomy.toml", *expected]:
        assert part in str(error.value)


def test_missing_description_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="cannot read the anatomy description"):
        load_anatomy(tmp_path / "none.toml")


def test_distance_agrees_with_densely_sampled_circles_across_the_centreline(anatomy: Anatomy) -> None:
    """Near the wall the distance is that to the nearest of the circles that the tube is swept from."""
    rng = np.random.default_rng(3)
    aorta = anatomy.branch("aorta")
    angle = np.linspace(0.0, 2.0 * np.pi, 361)[:-1]
    side = np.cross(aorta.tangents, [0.3, 0.2, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(aorta.tangents, side)
    ring = np.cos(angle)[:, None] * side[:, None] + np.sin(angle)[:, None] * other[:, None]
    wall = aorta.centreline[:, None] + aorta.radius(aorta.arc_length)[:, None, None] * ring
    chosen = wall[60:-60].reshape(-1, 3)
    points = chosen[rng.integers(len(chosen), size=2000)] + 0.15 * MM * rng.normal(size=(2000, 3))
    nearest, _ = cKDTree(wall.reshape(-1, 3)).query(points)
    assert np.abs(aorta.distance(points)) == pytest.approx(nearest, abs=0.05 * MM)
    assert np.median(np.abs(np.abs(aorta.distance(points)) - nearest)) < 0.005 * MM


def test_spheres_hold_the_lumen_and_little_more(anatomy: Anatomy) -> None:
    lower, upper = anatomy.field_of_view
    points = np.random.default_rng(2).uniform(lower, upper, size=(20000, 3))
    for branch in anatomy.branches:
        centres, radii = branch.spheres()
        gap = np.min(np.linalg.norm(points[:, None] - centres[None], axis=2) - radii, axis=1)
        assert np.all(gap[branch.distance(points) < 0.0] < 0.0)
        assert np.count_nonzero(gap < 0.0) < 1.4 * np.count_nonzero(branch.distance(points) < 0.0) + 20


def test_lower_bound_of_the_distance_holds(anatomy: Anatomy) -> None:
    lower, upper = anatomy.field_of_view
    points = np.random.default_rng(4).uniform(lower - 5 * MM, upper + 5 * MM, size=(20000, 3))
    for branch in anatomy.branches:
        assert np.all(branch.least_distance(points) <= branch.distance(points) + 1e-12)


def test_many_offsets_at_once_are_the_same_as_one_after_the_other(anatomy: Anatomy) -> None:
    rng = np.random.default_rng(5)
    lower, upper = anatomy.field_of_view
    points, offsets = rng.uniform(lower, upper, size=(3000, 3)), rng.normal(scale=0.2 * MM, size=(4, 3))
    together = union_distance_around(anatomy.branches, points, offsets)
    for column, offset in enumerate(offsets):
        alone = union_distance(anatomy.branches, points + offset)
        # Far from the curve, where its foot point jumps, the walk may stay on the other side: only the sign must hold.
        assert np.array_equal(together[:, column] < 0.0, alone < 0.0)
        near = np.abs(alone) < 0.5 * MM
        assert together[near, column] == pytest.approx(alone[near], abs=1e-6)


def test_gradient_has_length_one_and_points_outwards() -> None:
    tube = straight("tube", [0, 0, 0], [0, 0, 20], 3.0)
    lone = Anatomy(
        name="tube", branches=(tube,), field_of_view=np.zeros((2, 3)), blood=300.0, background=40.0
    )
    points = MM * np.array([[3.2, 0, 10], [0, 2.5, 7], [-2, -2, 3]])
    outwards = points * [1.0, 1.0, 0.0]
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    assert lone.gradient(points) == pytest.approx(outwards, abs=1e-4)
