"""From a label map to a surface: the iso-surface of the intensity, sub-voxel, corrected for blur."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.special import erfinv
from skimage.measure import marching_cubes

from geometry.imaging.image import Image, VoxelArray
from geometry.imaging.label_map import LUMEN, LabelMap
from geometry.segmentation.contrast import Contrast, Mask, local_level, measure_contrast, smoothed
from geometry.surfaces.surface import (
    WALL_TAG,
    Surface,
    area_vectors,
    check_closed,
    enclosed_volume,
    to_polydata,
    vertex_normals,
)
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError

PASS_BAND = 0.1
"""Pass band of the windowed-sinc filter against noise; it does not shrink (Taubin, Zhang & Golub 1996)."""
SMOOTHING_ROUNDS = 30
CURVATURE_ROUNDS = 5
"""Rounds of averaging of the curvature over neighbours, against noise."""


def extract_surface(image: Image, label_map: LabelMap) -> Surface:
    """Closed surface of the lumen.

    The surface is the half-maximum iso-surface of the smoothed intensity next to the lumen's voxels, not of the
    binary mask, so it is exact to a fraction of a voxel. A blurred edge of a curved surface is displaced towards the
    centre of curvature: by -sigma² (k1 + k2) / 2 to first order for a Gaussian of standard deviation sigma and
    principal curvatures k1, k2. The surface is moved back by this amount; sigma is measured from the steepness of
    the edge.

    Args:
        image: The scan.
        label_map: Its lumen, label 1.

    Returns:
        A surface that is all wall. Where the lumen leaves the image, it is closed on the image's border.

    Raises:
        SurfaceError: There is no lumen, or the surface is not closed.

    Source: Bouma et al., IEEE TPAMI 27(9), 2005 (dislocation of curved surfaces by the point-spread function).
    """
    region = label_map.labels == LUMEN
    if not region.any():
        raise SurfaceError(
            "the label map holds no lumen", where="surface", expected=f"voxels with label {LUMEN}"
        )
    smooth = smoothed(image)
    contrast = measure_contrast(smooth, region)
    level = label_map.level
    height = smooth - (local_level(image, smooth, region, contrast) if level is None else np.float32(level))
    vertices, faces, _, _ = marching_cubes(_restrict(height, region, contrast), 0.0, allow_degenerate=False)
    surface = _largest_component(image.to_world(vertices.astype(np.float64) - 1.0), faces.astype(np.int64))
    blur = _edge_blur(image, smooth, surface, contrast)
    surface = _undo_dislocation(_smooth(surface), blur)
    check_closed(surface, where="surface")
    return surface


def _restrict(height: VoxelArray, region: Mask, contrast: Contrast) -> VoxelArray:
    """Height above the edge's level next to the region; clearly inside or outside elsewhere."""
    least = np.float32(0.02 * contrast.difference)
    outside = np.float32(-0.5 * contrast.difference)
    near = ndimage.binary_dilation(region, structure=np.ones((3, 3, 3)))
    field = np.where(region, np.maximum(height, least), np.minimum(height, -least))
    field = np.where(near, field, outside)
    return np.pad(field.astype(np.float32), 1, constant_values=outside)


def _largest_component(points: FloatArray, triangles: IntArray) -> Surface:
    """The largest connected part, with its normals pointing outwards."""
    _, label = connected_components(_adjacency(len(points), triangles), directed=False)
    largest = np.argmax(np.bincount(label[triangles[:, 0]]))
    kept = triangles[label[triangles[:, 0]] == largest]
    used, renumbered = np.unique(kept, return_inverse=True)
    surface = _all_wall(points[used], renumbered.reshape(-1, 3).astype(np.int64))
    if enclosed_volume(surface) < 0.0:
        return _all_wall(surface.points, surface.triangles[:, ::-1])
    return surface


def _all_wall(points: FloatArray, triangles: IntArray) -> Surface:
    return Surface(
        points=points, triangles=triangles, patch_id=np.full(len(triangles), WALL_TAG, dtype=np.int64)
    )


def _smooth(surface: Surface) -> Surface:
    mesh = to_polydata(surface)
    mesh = mesh.smooth_taubin(n_iter=SMOOTHING_ROUNDS, pass_band=PASS_BAND, normalize_coordinates=True)
    return _all_wall(np.asarray(mesh.points, dtype=np.float64), surface.triangles)


def _edge_blur(image: Image, smooth: VoxelArray, surface: Surface, contrast: Contrast) -> float:
    """Standard deviation of the blur of edges [m], as a Gaussian.

    Across a straight edge of height D, the intensities at a distance h on both sides differ by
    D erf(h / (sqrt 2 sigma)). D is twice the height of the edge's level above the background, so it follows the
    lumen's brightness.
    """
    step = float(image.spacing.min())
    offset = step * vertex_normals(surface.points, surface.triangles)
    inside, edge, outside = (
        ndimage.map_coordinates(
            smooth, image.to_index(surface.points + sign * offset).T, order=3, mode="nearest"
        )
        for sign in (-1.0, 0.0, 1.0)
    )
    heights = 2.0 * (edge - contrast.background)
    valid = heights > 0.1 * contrast.difference
    ratio = float(np.median((inside - outside)[valid] / heights[valid]))
    return step / float(np.sqrt(2.0) * erfinv(np.clip(ratio, 0.2, 0.999)))


def _undo_dislocation(surface: Surface, blur: float) -> Surface:
    """Move the surface outwards by sigma² (k1 + k2) / 2, by no more than half of sigma."""
    normals = vertex_normals(surface.points, surface.triangles)
    shift = np.clip(0.5 * blur**2 * _curvature_sum(surface, normals), -0.5 * blur, 0.5 * blur)
    return _all_wall(surface.points + shift[:, None] * normals, surface.triangles)


def _curvature_sum(surface: Surface, normals: FloatArray) -> FloatArray:
    """(n,) sum of the principal curvatures at vertices, positive on a sphere [1/m].

    The gradient of the area with the position of a vertex is (k1 + k2) n times a third of the area around it. Both
    are averaged over neighbours before the division, so that neither noise nor a sliver matters.
    """
    points, triangles = surface.points, surface.triangles
    vectors = area_vectors(points, triangles)
    areas = np.linalg.norm(vectors, axis=1)
    gradient = np.zeros(len(points))
    share = np.zeros(len(points))
    for corner in range(3):
        vertices = triangles[:, corner]
        opposite = points[triangles[:, (corner + 2) % 3]] - points[triangles[:, (corner + 1) % 3]]
        change = 0.5 * np.cross(vectors / areas[:, None], opposite)
        np.add.at(gradient, vertices, np.einsum("ij,ij->i", change, normals[vertices]))
        np.add.at(share, vertices, areas / 3.0)
    weights = _adjacency(len(points), triangles)
    average = diags_array(1.0 / weights.sum(axis=1)) @ weights
    for _ in range(CURVATURE_ROUNDS):
        gradient = 0.5 * (gradient + average @ gradient)
        share = 0.5 * (share + average @ share)
    return np.asarray(gradient / share)


def _adjacency(count: int, triangles: IntArray) -> csr_array:
    """Symmetric (count, count) matrix with 1 where two vertices share an edge."""
    start = triangles.ravel()
    end = np.roll(triangles, -1, axis=1).ravel()
    rows, columns = np.concatenate([start, end]), np.concatenate([end, start])
    matrix = coo_array((np.ones(len(rows)), (rows, columns)), shape=(count, count)).tocsr()
    matrix.data[:] = 1.0
    return matrix
