"""Flow extensions: a circle of the opening's area at their end, the vessel untouched, and where they are hidden."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geometry.meshing.tetrahedra import tetrahedralise
from geometry.openings.extension_cuts import Cut, hidden, read_cuts, write_cuts
from geometry.openings.extensions import Extended, extend
from geometry.surfaces.conditioning import condition
from geometry.surfaces.defects import triangle_quality
from geometry.surfaces.intersection import self_intersections
from geometry.surfaces.surface import (
    WALL_TAG,
    Surface,
    area_vectors,
    check_closed,
    describe_patch,
    enclosed_volume,
)
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError
from hemoplan.patch import Patch
from tests.geometry.vessels import bend, straight, tube

MM = 1.0e-3
RADIUS = 3.0 * MM
LENGTH = 12.0 * MM


def moved(surface: Surface, points: FloatArray) -> Surface:
    """The same triangles on other points."""
    patches = tuple(
        describe_patch(
            points,
            surface.triangles[surface.patch_id == patch.tag],
            name=patch.name,
            role=patch.role,
            tag=patch.tag,
        )
        for patch in surface.patches
    )
    return replace(surface, points=points, patches=patches)


def cylinder(radius: float = RADIUS, length: float = LENGTH, size: float = 0.7 * MM) -> Surface:
    return tube(straight(length), lambda t: np.full_like(t, radius), size=size, length=length)


def ellipse(size: float = 0.7 * MM) -> Surface:
    """Half axes of 3 and 1.5 mm."""
    surface = cylinder(size=size)
    return moved(surface, surface.points * np.array([1.0, 0.5, 1.0]))


def trefoil(size: float = 0.7 * MM) -> Surface:
    """A section with three lobes and hollows between."""
    surface = cylinder(size=size)
    x, y, z = surface.points.T
    factor = 1.0 + 0.25 * np.cos(3.0 * np.arctan2(y, x))
    return moved(surface, np.column_stack([factor * x, factor * y, z]))


def oblique() -> Surface:
    """A round tube whose outlet is cut at 15° to its section."""
    surface = cylinder()
    x, _, z = surface.points.T
    lift = np.tan(np.radians(15.0)) * x * np.clip(2.0 * z / LENGTH - 1.0, 0.0, 1.0)
    return moved(surface, surface.points + np.outer(lift, [0.0, 0.0, 1.0]))


SHAPES = {
    "round": cylinder,
    "ellipse": ellipse,
    "trefoil": trefoil,
    "oblique": oblique,
    "tiny": lambda: cylinder(radius=0.75 * MM, length=6.0 * MM, size=0.4 * MM),
}


def diameter(patch: Patch) -> float:
    return float(2.0 * np.sqrt(patch.area / np.pi))


def cap_rim(surface: Surface, patch: Patch) -> FloatArray:
    """Vertices that the cap shares with the wall."""
    cap = np.unique(surface.triangles[surface.patch_id == patch.tag])
    wall = np.unique(surface.triangles[surface.patch_id == WALL_TAG])
    return surface.points[np.intersect1d(cap, wall)]


def new_triangles(before: Surface, after: Surface) -> IntArray:
    """Triangles of the new wall, which follow all old ones but the caps."""
    kept = int((before.patch_id == WALL_TAG).sum())
    wall = after.triangles[after.patch_id == WALL_TAG]
    return wall[kept:]


def check_extended(before: Surface, extended: Extended, lengths: dict[str, float]) -> None:
    """What must hold of every extension: see the assertions."""
    after = extended.surface
    check_closed(after, where="test")
    assert len(self_intersections(after.points, after.triangles)) == 0
    assert [(each.name, each.role, each.tag) for each in after.patches] == [
        (each.name, each.role, each.tag) for each in before.patches
    ]
    added = 0.0
    for name, length in lengths.items():
        old, new = before.patch(name), after.patch(name)
        assert new.area == pytest.approx(old.area, rel=1e-3)
        assert np.allclose(new.normal, old.normal, atol=1e-6)
        far = length * diameter(old) * np.array(old.normal)
        assert np.allclose(
            np.array(new.centre), np.array(old.centre) + far, rtol=0.0, atol=1e-3 * diameter(old)
        )
        reach = np.linalg.norm(cap_rim(after, new) - np.array(new.centre), axis=1)
        assert np.ptp(reach) < 1e-6 * diameter(old)
        corners = after.points[np.unique(after.triangles[after.patch_id == new.tag])]
        assert np.abs((corners - new.centre) @ np.array(new.normal)).max() < 1e-9
        added += old.area * length * diameter(old)
    assert enclosed_volume(after) - enclosed_volume(before) == pytest.approx(added, rel=0.01)
    wall = before.triangles[before.patch_id == WALL_TAG]
    assert np.array_equal(after.points[after.triangles[: len(wall)]], before.points[wall])
    assert triangle_quality(after.points, new_triangles(before, after)).min() > 0.5


@pytest.mark.parametrize("shape", SHAPES)
def test_it_ends_in_a_circle_of_the_openings_area(shape: str) -> None:
    surface = SHAPES[shape]()
    extended = extend(surface, lengths={"outlet": 2.0})
    check_extended(surface, extended, {"outlet": 2.0})


@pytest.mark.parametrize("length", [0.5, 1.0, 7.3])
def test_it_is_as_long_as_wanted(length: float) -> None:
    surface = ellipse()
    lengths = {"inlet": length, "outlet": length}
    check_extended(surface, extend(surface, lengths=lengths), lengths)


def test_a_round_tube_goes_on_as_the_same_tube() -> None:
    surface = cylinder()
    after = extend(surface, lengths={"outlet": 3.0}).surface
    radius = np.hypot(*after.points[np.unique(new_triangles(surface, after)), :2].T)
    assert radius == pytest.approx(RADIUS, rel=5e-3)


def kink(surface: Surface) -> float:
    """Largest angle between the first new triangles at the outlet and its normal [°]."""
    opening = surface.patch("outlet")
    after = extend(surface, lengths={"outlet": 2.0}).surface
    triangles = new_triangles(surface, after)
    heights = (after.points[triangles] - opening.centre) @ np.array(opening.normal)
    normals = area_vectors(after.points, triangles[heights.min(axis=1) < 1e-6 * RADIUS])
    slope = normals @ np.array(opening.normal) / np.linalg.norm(normals, axis=1)
    return float(np.degrees(np.arcsin(np.abs(slope))).max())


@pytest.mark.parametrize("make", [ellipse, trefoil])
def test_the_wall_leaves_a_perpendicular_cut_smoothly(make: Callable[..., Surface]) -> None:
    """What the facets of either side leave of a kink falls with their size; a real one would stay."""
    coarse, fine = kink(make(size=0.5 * MM)), kink(make(size=0.25 * MM))
    assert fine < 4.0
    assert fine == pytest.approx(0.5 * coarse, rel=0.15)
    assert kink(cylinder()) < 1e-6


def test_new_triangles_are_as_large_as_those_at_the_rim() -> None:
    surface = cylinder(size=0.5 * MM)
    after = extend(surface, lengths={"outlet": 2.0}).surface
    areas = np.linalg.norm(area_vectors(after.points, new_triangles(surface, after)), axis=1)
    assert np.median(areas) == pytest.approx(np.sqrt(3.0) / 4.0 * (0.5 * MM) ** 2, rel=0.1)
    assert areas.max() < 2.0 * np.median(areas)


def test_without_lengths_nothing_changes() -> None:
    surface = cylinder()
    extended = extend(surface, lengths={"outlet": 0.0})
    assert extended.surface is surface
    assert extended.cuts == {}


def test_all_openings_of_the_phantom(open_surface: Surface) -> None:
    lengths = {patch.name: 1.5 for patch in open_surface.openings}
    extended = extend(open_surface, lengths=lengths)
    assert len(lengths) == 5
    for name in lengths:
        old, new = open_surface.patch(name), extended.surface.patch(name)
        assert new.area == pytest.approx(old.area, rel=0.01)
        assert np.array(old.normal) @ np.array(new.normal) == pytest.approx(1.0, abs=1e-6)
        reach = np.linalg.norm(cap_rim(extended.surface, new) - np.array(new.centre), axis=1)
        assert np.ptp(reach) < 1e-6 * diameter(old)
    added = sum(1.5 * diameter(patch) * patch.area for patch in open_surface.openings)
    grown = enclosed_volume(extended.surface) - enclosed_volume(open_surface)
    assert grown == pytest.approx(added, rel=0.01)


@pytest.mark.parametrize("shape", SHAPES)
def test_just_the_extension_is_hidden(shape: str) -> None:
    surface = SHAPES[shape]()
    extended = extend(surface, lengths={"outlet": 1.5})
    mask = hidden(extended.surface.points, extended.cuts)
    old = (extended.surface.points[:, None, :] == surface.points[None, :, :]).all(axis=2).any(axis=1)
    assert np.array_equal(mask, ~old)


def test_what_lies_beside_an_extension_stays_in_sight() -> None:
    cut = Cut(centre=(0.0, 0.0, 0.0), normal=(0.0, 0.0, 1.0), length=10.0, radius=1.0, reach=1.0)
    points = np.array(
        [[0, 0, 5.0], [0.9, 0, 5.0], [1.2, 0, 5.0], [0, 0, 0], [0, 0, -1.0], [0, 0, 10.0], [0, 0, 11.0]]
    )
    assert hidden(points, {"far": cut}).tolist() == [True, True, False, False, False, True, False]
    assert not hidden(points, {}).any()


def test_cuts_come_back_from_their_file(tmp_path: Path) -> None:
    cuts = extend(ellipse(), lengths={"outlet": 1.0, "inlet": 2.0}).cuts
    write_cuts(tmp_path / "cuts.json", cuts)
    assert read_cuts(tmp_path / "cuts.json") == dict(cuts)


def test_cuts_need_no_vtk() -> None:
    """A cluster node that solves has none."""
    script = (
        "import sys; sys.modules['pyvista'] = sys.modules['vtkmodules'] = None; import " + hidden.__module__
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).resolve().parents[3])


@pytest.mark.parametrize("text", ["", "[]", '{"outlet": {"centre": [0, 0, 0]}}', '{"outlet": 3}'])
def test_a_damaged_file_of_cuts_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cuts.json"
    path.write_text(text)
    with pytest.raises(SurfaceError, match="cannot read where the extensions start"):
        read_cuts(path)


def test_two_extensions_that_meet_are_refused() -> None:
    surface = ring(1.25 * np.pi)
    with pytest.raises(SurfaceError, match="meets the extension of 'outlet'") as caught:
        extend(surface, lengths={"inlet": 15.0, "outlet": 15.0})
    message = str(caught.value)
    assert "openings.inlet.extension" in message
    assert "mm)" in message and "at (" in message and "Shorten both" in message
    assert extend(surface, lengths={"inlet": 2.0, "outlet": 2.0}).cuts.keys() == {"inlet", "outlet"}


def test_an_extension_into_another_vessel_is_refused_with_the_length_that_fits() -> None:
    surface = ring(1.9 * np.pi)
    with pytest.raises(SurfaceError, match="meets the opening 'inlet'") as caught:
        extend(surface, lengths={"outlet": 6.0})
    [free] = [float(word) for word in str(caught.value).split("at most ")[1].split()[:1]]
    assert 0.5 <= free < 6.0
    check_closed(extend(surface, lengths={"outlet": free}).surface, where="test")


def ring(angle: float) -> Surface:
    """A tube of 2 mm along an arc of 10 mm."""
    radius = 10.0 * MM
    return tube(
        bend(radius, angle), lambda t: np.full_like(t, 1.0 * MM), size=0.5 * MM, length=radius * angle
    )


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ({"outlett": 2.0}, "Did you mean 'outlet'"),
        ({"wall": 2.0}, "no such opening"),
        ({"outlet": 0.2}, "at least 0.5"),
        ({"outlet": -1.0}, "at least 0.5"),
        ({"outlet": float("nan")}, "at least 0.5"),
    ],
)
def test_wrong_lengths_are_refused(lengths: dict[str, float], expected: str) -> None:
    with pytest.raises(SurfaceError, match=expected):
        extend(cylinder(), lengths=lengths)


def test_an_opening_that_is_not_flat_is_refused() -> None:
    surface = cylinder()
    x, _, z = surface.points.T
    saddle = 0.2 * x * np.sign(x) * (z > LENGTH - 1e-9)
    with pytest.raises(SurfaceError, match="no flat disc"):
        extend(moved(surface, surface.points + np.outer(saddle, [0.0, 0.0, 1.0])), lengths={"outlet": 2.0})


def test_it_can_be_conditioned_and_meshed() -> None:
    before = ellipse()
    extended = extend(before, lengths={"inlet": 1.0, "outlet": 2.0})
    sizes = {"size": 1.0 * MM, "min_size": 0.5 * MM, "edges_per_radius": 3.0}
    volume = enclosed_volume(extended.surface)
    conditioned = condition(extended.surface, **sizes)
    assert not conditioned.rebuilt
    assert enclosed_volume(conditioned.surface) == pytest.approx(volume, rel=0.02)
    mesh = tetrahedralise(extended.surface, **sizes, boundary_layers=2)
    for name in ("inlet", "outlet"):
        patch = next(each for each in mesh.patches if each.name == name)
        assert patch.area == pytest.approx(before.patch(name).area, rel=0.01)
        assert patch.role is before.patch(name).role
    assert mesh.enclosed == pytest.approx(volume, rel=1e-6)
    assert mesh.layers is not None and mesh.layers.full_share > 0.9
