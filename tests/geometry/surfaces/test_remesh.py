"""Remeshing: sizes, patches, shape; and the local radius that it follows."""

import numpy as np
import pytest

from geometry.idealised.anatomy import Anatomy
from geometry.surfaces.remesh import measure_quality, remesh
from geometry.surfaces.surface import Surface, check_closed, enclosed_volume
from geometry.surfaces.thickness import inscribed_radius
from hemoplan.errors import SurfaceError

MM = 1.0e-3


@pytest.fixture(scope="module")
def remeshed(open_surface: Surface) -> Surface:
    return remesh(open_surface, size=0.8 * MM, min_size=0.25 * MM, edges_per_radius=4.0)


def test_surface_stays_closed_with_the_same_patches(remeshed: Surface, open_surface: Surface) -> None:
    check_closed(remeshed, where="test")
    for before, after in zip(open_surface.patches, remeshed.patches, strict=True):
        assert (after.name, after.role, after.tag) == (before.name, before.role, before.tag)
        assert after.area == pytest.approx(before.area, rel=0.01), before.name


def test_shape_and_volume_are_kept(remeshed: Surface, open_surface: Surface, anatomy: Anatomy) -> None:
    assert enclosed_volume(remeshed) == pytest.approx(enclosed_volume(open_surface), rel=0.003)
    wall = np.unique(remeshed.triangles[remeshed.patch_id == 1])
    assert np.abs(anatomy.distance(remeshed.points[wall])).mean() < 0.03 * MM


def test_triangles_are_well_shaped_and_follow_the_radius(remeshed: Surface, anatomy: Anatomy) -> None:
    quality = measure_quality(remeshed)
    assert quality.smallest > 0.3
    assert quality.mean > 0.93
    edges = remeshed.points[remeshed.triangles[:, 0]] - remeshed.points[remeshed.triangles[:, 1]]
    lengths = np.linalg.norm(edges, axis=1)
    middle = remeshed.points[remeshed.triangles[:, 0]]
    throat = np.linalg.norm(middle - anatomy.branch("aorta").point(39.5 * MM), axis=1) < 1.5 * MM
    ascending = np.linalg.norm(middle - anatomy.branch("aorta").point(6.0 * MM), axis=1) < 5.0 * MM
    assert np.median(lengths[throat]) == pytest.approx(1.1 * MM / 4.0, rel=0.35)
    assert 1.5 * np.median(lengths[throat]) < np.median(lengths[ascending]) < 0.9 * MM


def test_caps_are_flat(remeshed: Surface) -> None:
    for patch in remeshed.openings:
        corners = remeshed.points[np.unique(remeshed.triangles[remeshed.patch_id == patch.tag])]
        assert np.abs((corners - patch.centre) @ np.array(patch.normal)).max() < 1e-9


def test_inscribed_radius_against_the_anatomy(open_surface: Surface, anatomy: Anatomy) -> None:
    radius = inscribed_radius(open_surface)
    for name, position in (("aorta", 8.0), ("aorta", 57.0), ("brachiocephalic", 10.0), ("left_carotid", 8.0)):
        branch = anatomy.branch(name)
        around = np.linalg.norm(open_surface.points - branch.point(position * MM), axis=1)
        exact = float(branch.radius(position * MM))
        # Noise of 0.02 mm on the surface makes the largest ball that fits a little smaller.
        assert np.median(radius[around < 1.2 * exact]) == pytest.approx(exact, rel=0.1), name


def test_a_leaking_surface_is_rejected(open_surface: Surface) -> None:
    leaking = Surface(
        points=open_surface.points, triangles=open_surface.triangles[1:], patch_id=open_surface.patch_id[1:]
    )
    with pytest.raises(SurfaceError, match="not watertight"):
        remesh(leaking, size=0.8 * MM, min_size=0.3 * MM)
