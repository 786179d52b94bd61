import numpy as np
import pytest

from geometry.meshing.family import family
from geometry.meshing.layer_settings import BoundaryLayers
from geometry.meshing.volume import describe_mesh
from hemoplan.errors import MeshError
from tests.geometry.vessels import bend, tube

SIZES = {"size": 8e-4, "min_size": 5e-4, "edges_per_radius": 4.0}


@pytest.fixture(scope="module")
def vessel():
    return tube(bend(1e-2, np.pi / 2), lambda t: 3e-3 - 1e-3 * t, size=4e-4, length=np.pi / 2 * 1e-2)


@pytest.mark.parametrize("layers", [0, BoundaryLayers(count=4, first_height=8e-5, growth=1.2)])
def test_effective_sizes_differ_by_the_ratio(vessel, layers):
    meshes = [describe_mesh(mesh) for mesh in family(vessel, **SIZES, boundary_layers=layers, ratio=1.4)]
    sizes = np.array([(quality.volume / quality.cells) ** (1.0 / 3.0) for quality in meshes])
    assert sizes[:-1] / sizes[1:] == pytest.approx([1.4, 1.4], rel=0.08)
    if layers:
        heights = [quality.layers.first_height_mean for quality in meshes]
        assert heights == pytest.approx([8e-5 * 1.4, 8e-5, 8e-5 / 1.4], rel=0.05)
        thickness = [quality.layers.thickness_mean for quality in meshes]
        assert thickness == pytest.approx([thickness[1]] * 3, rel=0.05)


def test_one_mesh_is_no_family(vessel):
    with pytest.raises(MeshError, match=r"no family to compare \(value: 1 levels with ratio 1.4\)"):
        family(vessel, **SIZES, levels=1)
