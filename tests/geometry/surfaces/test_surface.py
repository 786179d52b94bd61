"""Surfaces: measures against solids of known size, checks, files."""

from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from geometry.surfaces.surface import (
    Surface,
    area_vectors,
    check_closed,
    enclosed_volume,
    from_polydata,
    read_surface,
    to_polydata,
    vertex_normals,
    write_surface,
)
from hemoplan.errors import SurfaceError

RADIUS = 4.0e-3


@pytest.fixture
def sphere() -> Surface:
    return from_polydata(pv.Icosphere(radius=RADIUS, center=(0.01, -0.02, 0.03), nsub=4))


def with_triangles(surface: Surface, triangles: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> Surface:
    return Surface(
        points=surface.points, triangles=triangles, patch_id=np.ones(len(triangles), dtype=np.int64)
    )


def test_sphere_has_its_area_and_volume(sphere: Surface) -> None:
    check_closed(sphere, where="test")
    assert enclosed_volume(sphere) == pytest.approx(4.0 / 3.0 * np.pi * RADIUS**3, rel=0.01)
    area = np.linalg.norm(area_vectors(sphere.points, sphere.triangles), axis=1).sum()
    assert area == pytest.approx(4.0 * np.pi * RADIUS**2, rel=0.01)


def test_normals_of_a_sphere_point_away_from_its_centre(sphere: Surface) -> None:
    outward = (sphere.points - np.array([0.01, -0.02, 0.03])) / RADIUS
    assert np.einsum("ij,ij->i", vertex_normals(sphere.points, sphere.triangles), outward).min() > 0.999


def test_a_hole_is_told_with_its_place(sphere: Surface) -> None:
    with pytest.raises(SurfaceError, match=r"not watertight.*3 bad edges.*a hole.* mm"):
        check_closed(with_triangles(sphere, sphere.triangles[1:]), where="test")


def test_inside_out_is_told(sphere: Surface) -> None:
    with pytest.raises(SurfaceError, match="inside out"):
        check_closed(with_triangles(sphere, sphere.triangles[:, ::-1]), where="test")


def test_one_turned_triangle_is_told(sphere: Surface) -> None:
    triangles = sphere.triangles.copy()
    triangles[7] = triangles[7, ::-1]
    with pytest.raises(SurfaceError, match="not watertight"):
        check_closed(with_triangles(sphere, triangles), where="test")


def test_no_triangles_are_told(sphere: Surface) -> None:
    with pytest.raises(SurfaceError, match="the surface is empty"):
        check_closed(with_triangles(sphere, sphere.triangles[:0]), where="test")


def test_names_survive_a_file(open_surface: Surface, tmp_path: Path) -> None:
    write_surface(tmp_path / "surface.vtp", open_surface)
    again = read_surface(tmp_path / "surface.vtp")
    assert np.array_equal(again.triangles, open_surface.triangles)
    assert np.array_equal(again.patch_id, open_surface.patch_id)
    for before, after in zip(open_surface.patches, again.patches, strict=True):
        assert (after.name, after.role, after.tag) == (before.name, before.role, before.tag)
        assert after.area == pytest.approx(before.area, rel=1e-5)


def test_unknown_patch_lists_the_known_ones(open_surface: Surface) -> None:
    with pytest.raises(SurfaceError, match=r"no such patch.*duct.*wall, ascending_aorta"):
        open_surface.patch("duct")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SurfaceError, match="there is no such surface"):
        read_surface(tmp_path / "none.vtp")


def test_file_in_millimetres(sphere: Surface, tmp_path: Path) -> None:
    mesh = to_polydata(sphere).scale(1000.0)
    mesh.save(tmp_path / "sphere.stl")
    with pytest.raises(SurfaceError, match=r"too large.*8 m from end to end.*scale it by 0\.001"):
        read_surface(tmp_path / "sphere.stl")
