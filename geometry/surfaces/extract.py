"""From a label map to a surface: where the intensity says that the wall is, sub-voxel, whatever the blur."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.sparse.csgraph import connected_components
from skimage.measure import marching_cubes

from geometry.imaging.image import Image, VoxelArray
from geometry.imaging.label_map import LUMEN, LabelMap
from geometry.segmentation.contrast import Contrast, local_level, measure_contrast, measure_noise, smoothed
from geometry.segmentation.flooding import Mask
from geometry.surfaces.settling import PASS_BAND, Scan, filter_noise, settle_on_edge
from geometry.surfaces.surface import Surface, check_closed, enclosed_volume
from geometry.surfaces.vertices import adjacency, all_wall
from hemoplan.errors import SurfaceError

MARGIN = 8
"""Voxels around the lumen that are looked at."""


def extract_surface(image: Image, label_map: LabelMap, *, distance: Image | None = None) -> Surface:
    """Closed surface of the lumen.

    The surface starts as the half-maximum iso-surface of the smoothed intensity next to the lumen's voxels, not of
    the binary mask. Then each vertex moves along its normal to the intensity that the wall has there: half of the
    contrast where the wall is flat, less on a thin vessel (see `geometry.surfaces.edge`). The contrast is that of the
    lumen nearby, and the blur is measured from the steepness of the edges (see `geometry.surfaces.settling`).

    Args:
        image: The scan.
        label_map: Its lumen, label 1.
        distance: Signed distance to the wall [m], negative inside, where a level set has found it; then the surface
            is its zero level, and the scan is not looked at.

    Returns:
        A surface that is all wall. Where the lumen leaves the image, it is closed on the image's border.

    Raises:
        SurfaceError: There is no lumen, or the surface is not closed.
    """
    region = label_map.labels == LUMEN
    if not region.any():
        raise SurfaceError(
            "the label map holds no lumen", where="surface", expected=f"voxels with label {LUMEN}"
        )
    surface = _at_half_maximum(image, region, label_map.level) if distance is None else _at_zero(distance)
    check_closed(surface, where="surface")
    return surface


def _at_half_maximum(image: Image, region: Mask, level: float | None) -> Surface:
    noise = measure_noise(image)
    image, region = _crop(image, region)
    smooth = smoothed(image)
    contrast = measure_contrast(smooth, region)
    edge = local_level(image, smooth, region, contrast) if level is None else np.float32(level)
    surface = _contour(_restrict(smooth - edge, region, contrast), image)
    scan = Scan(image=image, region=region, contrast=contrast, noise=noise)
    return settle_on_edge(surface, scan, level=level)


def _at_zero(distance: Image) -> Surface:
    outside = np.float32(max(float(distance.voxels.max()), float(distance.spacing.min())))
    height = np.pad(-distance.voxels, 1, constant_values=-outside)
    # A vertex exactly on a voxel would make triangles without area.
    least = np.float32(1.0e-3 * distance.spacing.min())
    height = np.where(np.abs(height) < least, np.where(height > 0.0, least, -least), height)
    return filter_noise(_contour(height, distance), PASS_BAND)


def _crop(image: Image, region: Mask) -> tuple[Image, Mask]:
    """The part of the image that holds the region and a margin."""
    i, j, k = (
        slice(max(side.start - MARGIN, 0), side.stop + MARGIN)
        for side in ndimage.find_objects(region.astype(np.uint8))[0]
    )
    part = Image(
        voxels=np.ascontiguousarray(image.voxels[i, j, k]),
        spacing=image.spacing,
        origin=image.to_world(np.array([i.start, j.start, k.start], dtype=np.float64)),
        direction=image.direction,
    )
    return part, np.ascontiguousarray(region[i, j, k])


def _restrict(height: VoxelArray, region: Mask, contrast: Contrast) -> VoxelArray:
    """Height above the edge's level next to the region; clearly inside or outside elsewhere."""
    least = np.float32(0.02 * contrast.difference)
    outside = np.float32(-0.5 * contrast.difference)
    near = ndimage.binary_dilation(region, structure=np.ones((3, 3, 3)))
    field = np.where(region, np.maximum(height, least), np.minimum(height, -least))
    field = np.where(near, field, outside)
    return np.pad(field.astype(np.float32), 1, constant_values=outside)


def _contour(padded: VoxelArray, image: Image) -> Surface:
    """The largest connected part of the zero level of a field with one voxel of padding, normals outwards."""
    vertices, faces, _, _ = marching_cubes(padded, 0.0, allow_degenerate=False)
    points, triangles = image.to_world(vertices.astype(np.float64) - 1.0), faces.astype(np.int64)
    _, label = connected_components(adjacency(len(points), triangles), directed=False)
    largest = np.argmax(np.bincount(label[triangles[:, 0]]))
    kept = triangles[label[triangles[:, 0]] == largest]
    used, renumbered = np.unique(kept, return_inverse=True)
    surface = all_wall(points[used], renumbered.reshape(-1, 3).astype(np.int64))
    if enclosed_volume(surface) < 0.0:
        return all_wall(surface.points, surface.triangles[:, ::-1])
    return surface
