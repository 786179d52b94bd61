"""Level set: the contour settles on the edge, as smooth as it is told to be."""

import numpy as np
import pytest
from scipy import ndimage

from geometry.imaging.image import Image
from geometry.segmentation.pipeline import segment
from geometry.segmentation.settings import LevelSet, Method, Settings
from geometry.surfaces.extract import extract_surface
from geometry.surfaces.surface import check_closed
from hemoplan.errors import SegmentationError

MM = 1.0e-3


def ball(radius: float, spacing: np.ndarray, shape: tuple[int, int, int], *, blur: float) -> Image:
    """A bright ball in mm, its voxels covered by parts."""
    axes = [(np.arange(size) - 0.5 * (size - 1)) * step for size, step in zip(shape, spacing, strict=True)]
    r = np.sqrt(sum(each**2 for each in np.meshgrid(*axes, indexing="ij")))
    cover = np.clip(0.5 + (radius - r) / spacing.mean(), 0.0, 1.0)
    cover = ndimage.gaussian_filter(cover, blur / spacing)
    noise = np.random.default_rng(0).normal(0.0, 8.0, shape)
    return Image(
        voxels=(40.0 + 260.0 * cover + noise).astype(np.float32),
        spacing=spacing * MM,
        origin=np.array([axis[0] for axis in axes]) * MM,
        direction=np.eye(3),
    )


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (0.4, 0.5, 0.8)], ids=["cubes", "thick slices"])
def test_a_ball_keeps_its_radius(spacing: tuple[float, float, float]) -> None:
    image = ball(6.0, np.array(spacing), (40, 40, 32), blur=0.4)
    found = segment(
        image,
        Settings(
            seeds={"seed": (0.0, 0.0, 0.0)}, method=Method.LEVEL_SET, level_set=LevelSet(curvature=0.02)
        ),
    )
    assert found.distance is not None
    surface = extract_surface(image, found.labels, distance=found.distance)
    check_closed(surface, where="test")
    radii = np.linalg.norm(surface.points, axis=1) / MM
    assert radii.mean() == pytest.approx(6.0, abs=0.12)
    assert radii.std() < 0.1
    # The function is the distance: also half a millimetre beside the contour.
    inner = ndimage.map_coordinates(
        found.distance.voxels, found.distance.to_index(surface.points * 5.5 / 6.0).T, order=1
    )
    assert inner.mean() / MM == pytest.approx(-0.5, abs=0.1)


def test_curvature_smooths_and_shrinks() -> None:
    image = ball(6.0, np.full(3, 0.5), (40, 40, 40), blur=0.4)
    volumes = [
        np.count_nonzero(
            segment(
                image,
                Settings(
                    seeds={"seed": (0.0, 0.0, 0.0)},
                    method=Method.LEVEL_SET,
                    level_set=LevelSet(curvature=weight),
                ),
            ).labels.labels
        )
        for weight in (0.0, 0.5, 2.0)
    ]
    assert volumes[0] > volumes[1] > volumes[2]


def test_a_contour_that_vanishes_is_an_error() -> None:
    image = ball(3.0, np.full(3, 0.5), (40, 40, 40), blur=0.4)
    settings = Settings(
        seeds={"seed": (0.0, 0.0, 0.0)},
        method=Method.LEVEL_SET,
        level_set=LevelSet(curvature=1.5, advection=0.0, iterations=2000),
    )
    with pytest.raises(SegmentationError, match="level set has lost the lumen|lumen is too small"):
        segment(image, settings)
