import sys
from dataclasses import replace

import numpy as np
import pytest

from geometry.meshing.cell_shapes import EDGES
from geometry.meshing.layer_settings import BoundaryLayers
from geometry.meshing.quality import measure_quality
from geometry.meshing.tetrahedra import tetrahedralise
from geometry.surfaces.surface import enclosed_volume
from hemoplan.errors import MeshError, ResourceError, SurfaceError
from tests.geometry.vessels import fork, straight, tube

SETTINGS = {"size": 8e-4, "min_size": 4e-4, "edges_per_radius": 4.0}


@pytest.fixture(scope="module")
def pipe():
    return tube(straight(1.2e-2), lambda t: np.full_like(t, 3e-3), size=7e-4, length=1.2e-2)


@pytest.mark.parametrize("vessel", ["pipe", "fork"])
def test_mesh_fills_the_surface_exactly_and_well(pipe, vessel):
    surface = pipe if vessel == "pipe" else fork(size=8e-4)
    mesh = tetrahedralise(surface, **SETTINGS)
    quality = measure_quality(mesh.points, mesh.tetrahedra)
    assert np.array_equal(mesh.points[: len(surface.points)], surface.points)
    assert quality.volume == pytest.approx(enclosed_volume(surface), rel=1e-9)
    assert quality.radius_ratio_min > 0.1
    assert [(patch.name, patch.role, patch.tag) for patch in mesh.patches] == [
        (patch.name, patch.role, patch.tag) for patch in surface.patches
    ]
    for old, new in zip(surface.patches, mesh.patches, strict=True):
        assert new.area == pytest.approx(old.area, rel=1e-9)


def test_same_surface_gives_the_same_mesh(pipe):
    one, other = (tetrahedralise(pipe, **SETTINGS) for _ in range(2))
    assert np.array_equal(one.points, other.points)
    assert np.array_equal(one.tetrahedra, other.tetrahedra)


def test_narrowing_gets_eight_edges_across():
    surface = tube(
        straight(2e-2), lambda t: 3e-3 * (1 - 0.6 * np.exp(-(((t - 0.5) / 0.1) ** 2))), size=4e-4, length=2e-2
    )
    mesh = tetrahedralise(surface, **SETTINGS)
    cells = mesh.tetrahedra[
        np.linalg.norm(mesh.points[mesh.tetrahedra].mean(axis=1) - [0, 0, 1e-2], axis=1) < 6e-4
    ]
    lengths = [np.linalg.norm(mesh.points[cells[:, a]] - mesh.points[cells[:, b]], axis=1) for a, b in EDGES]
    assert 2.4e-3 / np.mean(lengths) > 7.5


def test_surface_with_a_hole_is_refused(pipe):
    with pytest.raises(SurfaceError, match="not watertight"):
        tetrahedralise(replace(pipe, triangles=pipe.triangles[1:], patch_id=pipe.patch_id[1:]), **SETTINGS)


def test_surface_through_itself_is_refused_with_the_place(pipe):
    points = pipe.points.copy()
    points[np.linalg.norm(points - [3e-3, 0.0, 6e-3], axis=1) < 1.2e-3, 0] -= 7e-3
    with pytest.raises(MeshError, match=r"passes through itself.*pairs of triangles; the first near"):
        tetrahedralise(replace(pipe, points=points), **SETTINGS)


def test_missing_gmsh_is_said(pipe, monkeypatch):
    monkeypatch.setitem(sys.modules, "gmsh", None)
    with pytest.raises(ResourceError, match="gmsh.*cannot be loaded.*pip install gmsh"):
        tetrahedralise(pipe, **SETTINGS)


def test_folded_cap_is_refused_with_its_name(pipe):
    points = pipe.points.copy()
    outlet = np.setdiff1d(pipe.triangles[pipe.patch_id == 3], pipe.triangles[pipe.patch_id == 1])
    inner = outlet[np.linalg.norm(points[outlet, :2], axis=1).argmin()]
    points[inner, 0] += 2e-3
    with pytest.raises(MeshError, match=r"cap of an opening is folded \(value: outlet: .* first near"):
        tetrahedralise(replace(pipe, points=points), **SETTINGS)


def test_same_surface_gives_the_same_layers(pipe):
    layers = BoundaryLayers(count=3, first_height=5e-5)
    one, other = (tetrahedralise(pipe, **SETTINGS, boundary_layers=layers) for _ in range(2))
    assert np.array_equal(one.points, other.points)
    assert np.array_equal(one.tetrahedra, other.tetrahedra)
    assert one.layers == other.layers


def test_layers_that_meet_across_a_slit_are_thinned_until_they_do_not():
    # A leaf of the wall hangs below the wall: no inscribed ball sees the slit, and layers of both sides cross in it.
    surface = tube(straight(1.2e-2), lambda t: np.full_like(t, 3e-3), size=5e-4, length=1.2e-2)
    points = surface.points.copy()
    points[np.linalg.norm(points - [3e-3, 0.0, 6e-3], axis=1).argmin()] += [-4e-4, 0.0, 2e-3]
    mesh = tetrahedralise(
        replace(surface, points=points),
        size=6e-4,
        min_size=4e-4,
        edges_per_radius=5.0,
        boundary_layers=BoundaryLayers(count=3, thickness=5e-4),
    )
    assert mesh.layers.full_share > 0.9
    assert 0.0 < mesh.layers.bare_share < 0.02
