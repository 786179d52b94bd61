import numpy as np
import pytest

from geometry.meshing.quality import measure_quality
from geometry.meshing.tetrahedra import tetrahedralise
from geometry.surfaces.surface import WALL_TAG, enclosed_volume
from tests.geometry.vessels import bend, fork, straight, tube

SETTINGS = {"size": 6e-4, "min_size": 4e-4, "edges_per_radius": 5.0}


@pytest.mark.parametrize("vessel", ["pipe", "bend", "fork"])
@pytest.mark.parametrize("layers", [1, 3])
def test_layers_fill_the_same_lumen_with_the_same_openings(vessel, layers):
    surface = {
        "pipe": lambda: tube(straight(1.2e-2), lambda t: np.full_like(t, 3e-3), size=7e-4, length=1.2e-2),
        "bend": lambda: tube(bend(8e-3), lambda t: 3e-3 - 1e-3 * t, size=7e-4, length=np.pi * 8e-3),
        "fork": lambda: fork(size=7e-4),
    }[vessel]()
    mesh = tetrahedralise(surface, **SETTINGS, boundary_layers=layers)
    assert measure_quality(mesh.points, mesh.tetrahedra).volume == pytest.approx(
        enclosed_volume(surface), rel=1e-9
    )
    for old, new in zip(surface.patches, mesh.patches, strict=True):
        assert (new.name, new.tag) == (old.name, old.tag)
        assert new.area == pytest.approx(old.area, rel=1e-6)


def test_first_layer_is_thin_and_even_on_a_straight_tube():
    surface = tube(straight(1.2e-2), lambda t: np.full_like(t, 3e-3), size=7e-4, length=1.2e-2)
    mesh = tetrahedralise(surface, **SETTINGS, boundary_layers=3)
    wall = np.unique(mesh.facets[mesh.facet_tags == WALL_TAG])
    on_wall = np.zeros(len(mesh.points), dtype=bool)
    on_wall[wall] = True
    # Every cell on a wall facet belongs to the first layer; its inner vertices lie 0.6 mm / (1 + 1.3 + 1.69) deep.
    first = mesh.tetrahedra[on_wall[mesh.tetrahedra].sum(axis=1) == 3]
    inner = np.unique(first[~on_wall[first]])
    depth = 3e-3 - np.hypot(mesh.points[inner, 0], mesh.points[inner, 1])
    assert depth == pytest.approx(6e-4 / 3.99, rel=0.15)
