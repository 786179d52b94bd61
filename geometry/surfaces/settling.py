"""Settling: a surface near the wall of a vessel moves to where the blurred, noisy intensity says that the wall is.

Blur, brightness of the lumen, and shape depend on each other, so they are measured in turns: the blur from the
steepness of the edges, the brightness from the lumen's voxels and what the blur leaves of it there, the intensity of
the wall from both and the curvature. Noise is averaged along the wall, which costs no sharpness across it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array, diags_array
from scipy.spatial import cKDTree

from geometry.imaging.image import Image, VoxelArray
from geometry.segmentation.contrast import SMOOTHING, Contrast, Field, local_lumen, smoothed
from geometry.segmentation.flooding import Mask, depth_in, dilate, distance_from
from geometry.surfaces.edge import edge_share, edge_slope, measure_blur
from geometry.surfaces.intersection import self_intersections
from geometry.surfaces.surface import Surface, area_vectors, to_polydata, vertex_normals
from geometry.surfaces.vertices import adjacency, all_wall
from hemoplan.arrays import FloatArray

ROUNDS = 6
"""Most rounds …"""
SETTLED = 0.005
"""… which end when blur and contrast change by less than this share."""
PASS_BAND = 0.1
"""Pass band of the windowed-sinc filter against noise; it does not shrink (Taubin, Zhang & Golub 1996)."""
FILTER_ROUNDS = 30
QUIET = 0.06
"""Scatter of a vertex by noise, in voxels, from which on more is averaged."""
LEAST_ROUNDS = 5
MOST_ROUNDS = 80
"""Limits of the rounds of averaging the curvature over neighbours. They cover the width of the blur: on a shorter scale
the curvature is not in the image, and to follow it would sharpen noise."""
MOST_SHIFT_ROUNDS = 40
SHARPER = 0.75
"""Most smoothing against noise, in units of the scanner's own blur."""
LONGEST_STEP = 0.4
"""Furthest that a vertex is moved in a round, in units of the blur."""
BLUR_SAMPLES = 10_000
"""Vertices that the blur is measured at."""
LONGEST_WAY = 0.7
"""Furthest that a vertex gets from where it started [voxels]: where the wall cannot be seen, none is made up."""
UNTANGLING_ROUNDS = 6
UNTANGLING_REACH = 3
"""Rings of vertices around a crossing that are taken back a little further in each of these rounds."""
WALL_BAND = 3
"""Voxels on both sides of the wall in which it may lie."""
BACKGROUND_GAP = 2.5
"""Distance from the lumen at which its blur has ended, in units of the blur."""
BACKGROUND_SHELL = 3
"""Width of the shell in which the background is measured [voxels]."""
WEAK = 0.5
"""An edge less steep than this share of what the blur explains pulls less: another bright body touches there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The part of a scan around a lumen.

    Attributes:
        image: Its grid and intensities.
        region: The voxels of the lumen.
        contrast: First guess of the brightness inside and around.
        noise: Standard deviation of the noise.
    """

    image: Image
    region: Mask
    contrast: Contrast
    noise: float

    @property
    def step(self) -> float:
        """Smallest spacing [m]."""
        return float(self.image.spacing.min())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Smoothed:
    """Intensities after a Gaussian of `width` smallest spacings, and their spline."""

    width: float
    values: VoxelArray
    spline: VoxelArray

    def at(self, indices: FloatArray) -> FloatArray:
        found = ndimage.map_coordinates(self.spline, indices.T, order=3, mode="nearest", prefilter=False)
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    """Across the wall, at the vertices.

    Attributes:
        value: (n,) intensity.
        steepness: (n,) its fall outwards [1/m].
        normals: (n, 3) outwards.
        curvature: (n,) k1 + k2 [1/m].
    """

    value: FloatArray
    steepness: FloatArray
    normals: FloatArray
    curvature: FloatArray


def settle_on_edge(surface: Surface, scan: Scan, *, level: float | None = None) -> Surface:
    """Move the vertices to where the wall is.

    Args:
        surface: All wall; within about a voxel of it.
        scan: The scan around it.
        level: Intensity of a flat wall, where a person has set it; half of the local contrast otherwise.

    Returns:
        The same triangles. Vertices on the border of the image stay.
    """
    triangles = surface.triangles
    weights = adjacency(len(surface.points), triangles)
    average = (diags_array(1.0 / weights.sum(axis=1)) @ weights).tocsr()
    free = _inside_image(surface.points, scan.image)
    start = surface.points
    edge_length = float(np.median(np.linalg.norm(np.diff(surface.points[triangles[:, :2]], axis=1), axis=2)))
    smooth = _smooth_scan(scan, SMOOTHING)
    background, lumen, blur, contrast = scan.contrast.background, None, 1.5 * scan.step, np.inf
    band, rounds, settled = PASS_BAND, LEAST_ROUNDS, False
    for turn in range(ROUNDS):
        surface = filter_noise(surface, band)
        edge = _look_across(surface, scan, smooth, average, rounds)
        before = (blur, contrast)
        blur = _measure_blur(edge, scan, free, background)
        if turn == 0:
            background = _measure_background(scan, smooth.values, blur)
            width = _choose_width(scan, blur)
            if width > SMOOTHING:
                blur = float(np.sqrt(max(blur**2 + (width**2 - SMOOTHING**2) * scan.step**2, 0.0)))
                smooth = _smooth_scan(scan, width)
                background = _measure_background(scan, smooth.values, blur)
            rounds = int(np.clip(round(4.0 * (blur / edge_length) ** 2), LEAST_ROUNDS, MOST_ROUNDS))
            edge = _look_across(surface, scan, smooth, average, rounds)
        scatter = _scatter(scan, blur, smooth.width)
        band = PASS_BAND * min(1.0, QUIET / scatter)
        bend = blur * edge.curvature
        heights = _heights(surface, scan, lumen, background)
        slopes = np.asarray(heights * edge_slope(bend) / blur)
        wall = _wall_intensity(heights, bend, background, level)
        if not settled:
            lumen = _measure_lumen(surface.points, scan, smooth.values, wall, slopes, blur, background)
            heights = _heights(surface, scan, lumen, background)
            wall = _wall_intensity(heights, bend, background, level)
        shift = (edge.value - wall) / np.maximum(edge.steepness, WEAK * slopes)
        shift *= np.clip(edge.steepness / (WEAK * slopes), 0.0, 1.0)
        shift = np.where(free, np.clip(shift, -LONGEST_STEP * blur, LONGEST_STEP * blur), 0.0)
        for _ in range(_shift_rounds(scatter, rounds)):
            shift = 0.5 * (shift + average @ shift)
        points = surface.points + np.where(free, shift, 0.0)[:, None] * edge.normals
        surface = all_wall(_hold(points, start, LONGEST_WAY * scan.step), triangles)
        contrast = float(np.median(heights))
        settled = abs(contrast - before[1]) < SETTLED * contrast
        if settled and abs(blur - before[0]) < SETTLED * blur:
            break
    return _untangle(surface, start, average)


def _untangle(surface: Surface, start: FloatArray, average: csr_array) -> Surface:
    """Take the wall back to where it started, around places where it has come to cross itself."""
    taken_back: FloatArray = np.zeros(len(start))
    points = surface.points
    for _ in range(UNTANGLING_ROUNDS):
        pairs = self_intersections(points, surface.triangles)
        if len(pairs) == 0:
            break
        taken_back[surface.triangles[np.unique(pairs[:, :2])].ravel()] = 1.0
        for _ in range(UNTANGLING_REACH):
            taken_back = np.maximum(taken_back, average @ taken_back)
        taken_back = np.minimum(2.0 * taken_back, 1.0)
        points = surface.points + taken_back[:, None] * (start - surface.points)
    return all_wall(points, surface.triangles)


def _inside_image(points: FloatArray, image: Image) -> NDArray[np.bool_]:
    """(n,) whether there are voxels on all sides of a point."""
    index = image.to_index(points)
    return np.asarray(np.all((index > 0.2) & (index < np.array(image.voxels.shape) - 1.2), axis=1))


def _hold(points: FloatArray, start: FloatArray, longest: float) -> FloatArray:
    """Points no further than a distance from where they started."""
    way = points - start
    length = np.maximum(np.linalg.norm(way, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return np.asarray(start + way * np.minimum(longest / length, 1.0))


def _smooth_scan(scan: Scan, width: float) -> _Smoothed:
    values = smoothed(scan.image, width)
    spline = ndimage.spline_filter(values, order=3, mode="nearest", output=np.float32)
    return _Smoothed(width=width, values=values, spline=spline)


def filter_noise(surface: Surface, pass_band: float) -> Surface:
    """Windowed-sinc filter, which does not shrink."""
    mesh = to_polydata(surface)
    mesh = mesh.smooth_taubin(n_iter=FILTER_ROUNDS, pass_band=pass_band, normalize_coordinates=True)
    return all_wall(np.asarray(mesh.points, dtype=np.float64), surface.triangles)


def _look_across(surface: Surface, scan: Scan, smooth: _Smoothed, average: csr_array, rounds: int) -> _Edge:
    normals = vertex_normals(surface.points, surface.triangles)
    offset = 0.5 * scan.step * normals
    inside, value, outside = (
        smooth.at(scan.image.to_index(surface.points + side * offset)) for side in (-1.0, 0.0, 1.0)
    )
    return _Edge(
        value=value,
        steepness=np.asarray((inside - outside) / scan.step),
        normals=normals,
        curvature=_curvature_sum(surface, normals, average, rounds),
    )


def _measure_blur(edge: _Edge, scan: Scan, free: NDArray[np.bool_], background: float) -> float:
    above = edge.value - background
    clear = np.flatnonzero(free & (above > 0.1 * scan.contrast.difference) & (edge.steepness > 0.0))
    if len(clear) < 20:
        return 1.5 * scan.step
    clear = clear[:: max(1, len(clear) // BLUR_SAMPLES)]
    blur = measure_blur(
        edge.steepness[clear] / above[clear], edge.curvature[clear], low=0.5 * scan.step, high=6.0 * scan.step
    )
    # A difference over one spacing is the mean slope over it, as if blurred by a box of that width.
    return float(np.sqrt(max(blur**2 - scan.step**2 / 12.0, 0.25 * scan.step**2)))


def _measure_background(scan: Scan, values: VoxelArray, blur: float) -> float:
    """Median around the lumen, from where its blur ends; other vessels and bones are further apart than half of it."""
    gap = max(int(np.ceil(BACKGROUND_GAP * blur / scan.step)), 2)
    shell = distance_from(scan.region, gap + BACKGROUND_SHELL) > gap
    return float(np.median(values[shell])) if np.count_nonzero(shell) > 50 else scan.contrast.background


def _scatter(scan: Scan, blur: float, width: float) -> float:
    """Standard deviation of the wall's place by noise [voxels], before anything is averaged along the wall.

    A Gaussian of w voxels leaves (2 sqrt(pi) w)^(-3/2) of white noise; the edge is contrast / (sigma sqrt(2 pi)) steep.
    """
    left = scan.noise * (2.0 * np.sqrt(np.pi) * width) ** -1.5
    return float(max(left / scan.contrast.difference * blur * np.sqrt(2.0 * np.pi) / scan.step, 1e-9))


def _choose_width(scan: Scan, blur: float) -> float:
    """Gaussian against noise [voxels]: wider on a noisy scan, as far as the scanner's own blur hides it."""
    scanner = np.sqrt(max((blur / scan.step) ** 2 - SMOOTHING**2, 0.0))
    wanted = SMOOTHING * _scatter(scan, blur, SMOOTHING) / QUIET
    return float(np.clip(wanted, SMOOTHING, max(SHARPER * scanner, SMOOTHING)))


def _shift_rounds(scatter: float, rounds: int) -> int:
    if scatter < 0.5 * QUIET:
        return 2
    return int(np.clip(round(0.5 * rounds * min(scatter / QUIET, 1.0)), 2, MOST_SHIFT_ROUNDS))


def _heights(surface: Surface, scan: Scan, lumen: Field | None, background: float) -> FloatArray:
    """(n,) contrast at the vertices, at least a fifth of that of the whole lumen."""
    if lumen is None:
        return np.full(len(surface.points), scan.contrast.difference)
    return np.maximum(
        lumen.at(scan.image.to_index(surface.points)) - background, 0.2 * scan.contrast.difference
    )


def _wall_intensity(
    heights: FloatArray, bend: FloatArray, background: float, level: float | None
) -> FloatArray:
    flat = background + 0.5 * heights if level is None else level
    return np.asarray(flat + heights * (edge_share(bend) - 0.5))


def _measure_lumen(
    points: FloatArray,
    scan: Scan,
    values: VoxelArray,
    wall: FloatArray,
    slopes: FloatArray,
    blur: float,
    background: float,
) -> Field:
    """Brightness of the lumen, from how much of each voxel it covers by the present guess of the wall."""
    near = dilate(scan.region, WALL_BAND)
    deep = depth_in(scan.region) > WALL_BAND
    cover = deep.astype(np.float32)
    where = np.argwhere(near & ~deep)
    _, nearest = cKDTree(points).query(
        scan.image.to_world(where.astype(np.float64)), distance_upper_bound=(WALL_BAND + 1) * scan.step
    )
    reached = nearest < len(points)
    where, nearest = where[reached], nearest[reached]
    index = tuple(where.T)
    width = float(scan.image.spacing.mean())
    cover[index] = np.clip(0.5 + (values[index] - wall[nearest]) / (slopes[nearest] * width), 0.0, 1.0)
    # What covers voxels by parts is blurred by the voxels already.
    sigma = np.sqrt(np.maximum(blur**2 - scan.image.spacing**2 / 12.0, 0.0)) / scan.image.spacing
    share = ndimage.gaussian_filter(cover, sigma, mode="nearest")
    return local_lumen(scan.image, values, np.where(near, share, np.float32(0.0)), background)


def _curvature_sum(surface: Surface, normals: FloatArray, average: csr_array, rounds: int) -> FloatArray:
    """(n,) sum of the principal curvatures at vertices, positive on a sphere [1/m].

    The gradient of the area with the position of a vertex is (k1 + k2) n times a third of the area around it. Both
    are averaged over neighbours before the division, so that neither noise nor a sliver matters.
    """
    points, triangles = surface.points, surface.triangles
    vectors = area_vectors(points, triangles)
    areas = np.linalg.norm(vectors, axis=1)
    units = vectors / np.maximum(areas, np.finfo(np.float64).tiny)[:, None]
    both = np.zeros((len(points), 2))
    for corner in range(3):
        vertices = triangles[:, corner]
        opposite = points[triangles[:, (corner + 2) % 3]] - points[triangles[:, (corner + 1) % 3]]
        change = 0.5 * np.einsum("ij,ij->i", np.cross(units, opposite), normals[vertices])
        both[:, 0] += np.bincount(vertices, weights=change, minlength=len(points))
        both[:, 1] += np.bincount(vertices, weights=areas / 3.0, minlength=len(points))
    for _ in range(rounds):
        both = 0.5 * (both + average @ both)
    return np.asarray(both[:, 0] / both[:, 1])
