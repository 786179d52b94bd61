import numpy as np
import pytest

from geometry.meshing.layer_settings import BoundaryLayers, layers_of
from hemoplan.case import Mesh
from hemoplan.errors import MeshError

SIZE = 8e-4


def test_heights_grow_by_the_ratio_and_fill_the_depth():
    layers = BoundaryLayers(count=4, growth=1.5)
    levels = layers.heights(np.array([1e-3, 2e-4]))
    steps = np.diff(levels, axis=1)
    assert levels[:, -1] == pytest.approx([1e-3, 2e-4])
    assert steps[:, 1:] / steps[:, :-1] == pytest.approx(np.full((2, 3), 1.5))


def test_first_height_stays_as_long_as_the_layers_fit():
    layers = BoundaryLayers(count=3, first_height=1e-4, growth=1.4)
    # 0.436 mm as asked; 0.35 mm by growing less; 0.3 mm without growth; 0.15 mm by half of the height.
    levels = layers.heights(np.array([layers.total(SIZE), 3.5e-4, 3e-4, 1.5e-4, 0.0]))
    assert levels[:, 1] == pytest.approx([1e-4, 1e-4, 1e-4, 5e-5, 0.0], abs=1e-12)
    assert levels[:, -1] == pytest.approx([4.36e-4, 3.5e-4, 3e-4, 1.5e-4, 0.0], abs=1e-12)
    assert np.diff(levels[0]) == pytest.approx([1e-4, 1.4e-4, 1.96e-4])
    assert (np.diff(levels[:4], axis=1) > 0.0).all()


def test_thickness_defaults_to_the_size_of_a_cell():
    assert BoundaryLayers(count=3).total(SIZE) == SIZE
    assert BoundaryLayers(count=3).wanted_first_height(SIZE) == pytest.approx(SIZE / (1.0 + 1.3 + 1.69))


@pytest.mark.parametrize("factor", [1.4, 1.0 / 1.4, 0.5])
def test_other_members_of_a_family_cover_the_same_with_scaled_cells(factor):
    layers = BoundaryLayers(count=5, first_height=5e-5, growth=1.3)
    other = layers.scaled(factor, size=SIZE)
    depth = np.array([layers.total(SIZE)])
    assert other.total(factor * SIZE) == pytest.approx(layers.total(SIZE))
    assert other.heights(depth)[0, 1] == pytest.approx(factor * 5e-5)
    # Every member resolves the layer alike: its last cell is scaled too, as far as whole numbers of layers allow.
    last = np.diff(layers.heights(depth)[0])[-1]
    assert np.diff(other.heights(depth)[0])[-1] == pytest.approx(factor * last, rel=0.25)


def test_case_says_what_is_asked():
    mesh = Mesh.model_validate(
        {
            "boundary_layers": 4,
            "first_height": "0.05 mm",
            "layer_growth": 1.2,
            "layer_share": 0.3,
            "size": "1 mm",
        }
    )
    layers = layers_of(mesh)
    assert (layers.count, layers.growth, layers.share_of_radius) == (4, 1.2, 0.3)
    assert layers.first_height == pytest.approx(5e-5)
    fine = Mesh.model_validate(
        {"level": "fine", "boundary_layers": 3, "size": "0.7 mm", "min_size": "0.28 mm"}
    )
    assert fine.sizes == pytest.approx({"size": 5e-4, "min_size": 2e-4, "edges_per_radius": 5.6})
    assert layers_of(fine).first_height == pytest.approx(5e-4 / (1.0 + 1.3 + 1.69))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": -1}, r"number of layers is out of range \(value: -1\)"),
        ({"count": 3, "growth": 0.9}, "growth of the layers is out of range"),
        ({"count": 3, "share_of_radius": 0.6}, "share of the radius is out of range"),
        ({"count": 3, "first_height": 0.0}, r"first height is no length \(value: 0 mm\)"),
        (
            {"count": 4, "first_height": 2e-4, "thickness": 6e-4},
            "4 layers from 0.2 mm in 0.6 mm.*at least 0.8 mm",
        ),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(MeshError, match=message):
        BoundaryLayers(**settings)
