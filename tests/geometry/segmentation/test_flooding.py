"""Flooding: what is connected, how deep it is, and in which order it is entered."""

import numpy as np
from scipy import ndimage

from geometry.segmentation.flooding import depth_in, dilate, distance_from, erode, flood, invade


def random_region() -> np.ndarray:
    noise = np.random.default_rng(3).normal(size=(30, 31, 32))
    return ndimage.gaussian_filter(noise, 2.0) > 0.0


def test_flood_finds_the_component_of_the_seed() -> None:
    region = random_region()
    components, _ = ndimage.label(region)
    seed = np.argwhere(region)[:1]
    assert np.array_equal(flood(region, seed), components == components[tuple(seed[0])])


def test_flood_from_a_dry_seed_reaches_nothing() -> None:
    region = random_region()
    assert not flood(region, np.argwhere(~region)[:1]).any()


def test_layers_are_those_of_morphology() -> None:
    region = random_region()
    for count in (1, 2, 4):
        assert np.array_equal(
            erode(region, count), ndimage.binary_erosion(region, iterations=count, border_value=1)
        )
        assert np.array_equal(dilate(region, count), ndimage.binary_dilation(region, iterations=count))
    assert distance_from(region, 3).max() <= 3
    assert depth_in(np.ones((3, 4, 5), dtype=bool)).min() == 255  # the border of the image is no surface


def test_a_body_behind_a_pass_comes_after_the_lowest_voxel_between() -> None:
    """Two ridges of height 10 and 9 with a saddle of 4: first all above 4 on this side, the saddle, then the other."""
    x = np.arange(41)
    ridge = np.maximum(10.0 - 0.5 * np.abs(x - 8), 9.0 - 0.5 * np.abs(x - 30)).astype(np.float32)
    values = np.broadcast_to(ridge[:, None, None], (41, 3, 3)).copy()
    saddle = int(np.argmin(ridge[8:30])) + 8
    invasion = invade(values, values > -1.0, np.array([[8, 1, 1]]), floor=0.0)
    x_entered, _, _ = np.unravel_index(invasion.voxels, values.shape)
    first_beyond = int(np.argmax(x_entered > saddle))
    assert invasion.level[:first_beyond].min() == ridge[saddle]
    assert not (x_entered[:first_beyond] > saddle).any()
    behind = invasion.level[first_beyond : np.count_nonzero(values >= ridge[saddle])]
    assert behind.max() == 9.0
    # Every voxel is entered once, from a neighbour that was entered before it.
    assert len(np.unique(invasion.voxels)) == values.size
    assert np.all(invasion.source < np.arange(values.size))


def test_the_floor_is_not_entered() -> None:
    values = np.linspace(0.0, 1.0, 1000, dtype=np.float32).reshape(10, 10, 10)
    invasion = invade(values, values >= 0.0, np.array([[9, 9, 9]]), floor=0.5)
    assert invasion.level.min() >= 0.5
    assert len(invasion.voxels) == np.count_nonzero(values >= 0.5)
