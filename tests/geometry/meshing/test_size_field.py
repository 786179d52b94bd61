from dataclasses import replace

import numpy as np
import pytest

from geometry.meshing.cell_shapes import measure_cells
from geometry.meshing.size_field import GRADATION, Refinement, jet_path, size_grid
from geometry.meshing.tetrahedra import tetrahedralise
from hemoplan.errors import MeshError
from tests.geometry.vessels import straight, tube

SETTINGS = {"size": 1e-3, "min_size": 4e-4, "edges_per_radius": 4.0}


@pytest.fixture(scope="module")
def pipe():
    return tube(straight(3e-2), lambda t: np.full_like(t, 4e-3), size=9e-4, length=3e-2)


def edges_near(mesh, centre, radius):
    middles = mesh.points[mesh.tetrahedra].mean(axis=1)
    near = np.linalg.norm(middles - centre, axis=1) < radius
    return measure_cells(mesh.points, mesh.tetrahedra[near]).edge_mean.mean()


def test_cells_are_finer_where_asked_and_nowhere_else(pipe):
    plain = tetrahedralise(pipe, **SETTINGS)
    region = Refinement(points=np.array([[0.0, 0.0, 1e-2], [0.0, 0.0, 2e-2]]), radius=1.5e-3, size=4e-4)
    fine = tetrahedralise(pipe, **SETTINGS, refinements=[region])
    for z in (1.1e-2, 1.5e-2, 1.9e-2):
        assert edges_near(fine, [0.0, 0.0, z], 1e-3) == pytest.approx(4e-4, rel=0.25)
    ends = [0.0, 0.0, 3e-3]
    assert edges_near(fine, ends, 2e-3) == pytest.approx(edges_near(plain, ends, 2e-3), rel=0.1)


def test_sizes_grow_no_faster_than_the_gradation(pipe):
    centre = np.array([0.0, 0.0, 1.5e-2])
    grid = size_grid(
        pipe, np.full(len(pipe.points), 4e-3), refinements=[Refinement(points=centre, radius=1e-3, size=3e-4)]
    )
    assert grid.at(centre) == pytest.approx(3e-4)
    along = centre + np.linspace(0.0, 3e-3, 40)[:, None] * [0.0, 0.0, 1.0]
    sizes = grid.at(along)
    sizes = sizes[np.isfinite(sizes)]
    slopes = np.diff(sizes) / (3e-3 / 39)
    assert slopes.max() < 1.1 * GRADATION
    assert sizes[-1] > 7e-4
    assert np.isinf(grid.at([0.0, 0.0, 1.0]))


def test_uniform_tube_wants_nothing(pipe):
    assert size_grid(pipe, np.full(len(pipe.points), 4e-3)) is None


def test_jet_is_followed_behind_the_throat_and_not_before_it():
    z = np.linspace(0.0, 6e-2, 301)
    radius = 4e-3 - 2e-3 * np.exp(-(((z - 2e-2) / 3e-3) ** 2))
    points = np.column_stack([np.zeros_like(z), np.zeros_like(z), z])
    path = jet_path(points, radius, narrowest=int(radius.argmin()), diameters=5.0, edges_across=10.0)
    assert path.points[[0, -1], 2] == pytest.approx([2e-2 - 4e-3, 2e-2 + 2e-2], abs=3e-4)
    assert path.size == pytest.approx(4e-4)
    assert path.radius.max() == pytest.approx(2e-3 + 0.1 * 2e-2, rel=0.02)
    assert (path.radius <= np.interp(path.points[:, 2], z, radius) + 1e-12).all()


def test_region_without_extent_is_refused():
    with pytest.raises(MeshError, match="no extent"):
        Refinement(points=np.empty((0, 3)), radius=1e-3, size=1e-4)
    with pytest.raises(MeshError, match="edges of 0 mm"):
        replace(Refinement(points=np.zeros(3), radius=1e-3, size=1e-4), size=0.0)
