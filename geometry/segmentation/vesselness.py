"""Vesselness: thin vessels that are darkened by blur below the half maximum, found by their tubular shape."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from geometry.imaging.image import Image, VoxelArray
from geometry.segmentation.flooding import Mask, dilate, distance_from, flood
from geometry.segmentation.growing import Grown
from geometry.segmentation.outcome import Concern, Finding, describe_place, place_of
from geometry.segmentation.settings import Vesselness

FINEST = 2.0
"""Voxels along the standard deviation of a Gaussian that its derivatives need; finer images are thinned out."""
WALL = 2
"""Voxels next to the region that belong to its blurred wall."""


def recover_thin_vessels(grown: Grown, settings: Vesselness) -> tuple[Grown, tuple[Finding, ...]]:
    """Add tubes that hang on the region and are too thin for the half maximum.

    A voxel is added if it is brighter than the background by `share` of the contrast, if its answer is at least
    `response`, and if such voxels connect it with the region.

    Returns:
        The larger region, and every vessel that was added.
    """
    bright = grown.smooth > grown.contrast.background + settings.share * grown.contrast.difference
    reach = int(np.ceil(settings.least_length / grown.image.spacing.min()))
    away = distance_from(grown.region, reach)
    wall = (away > 0) & (away <= WALL)
    candidates = bright & ~grown.region & ~wall
    answer = respond(grown.image, grown.smooth, candidates, settings.scales)
    tubes = candidates & (answer > settings.response * grown.contrast.difference)
    pieces, _ = ndimage.label(tubes, structure=np.ones((3, 3, 3)))
    touching = (away > WALL) & (away <= 2 * WALL)
    region = grown.region.copy()
    findings = []
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        around = tuple(slice(max(side.start - 2 * WALL, 0), side.stop + 2 * WALL) for side in box)
        piece = pieces[around] == number
        if not (piece & touching[around]).any():
            continue
        start = np.array([side.start for side in around], dtype=np.float64)
        points = grown.image.to_world(np.argwhere(piece) + start)
        length = float(np.linalg.norm(np.ptp(points, axis=0)))
        # What follows the wall and leads nowhere is the blurred wall itself.
        leads_away = bool((piece & ((away[around] == 0) | (away[around] >= 0.7 * reach))).any())
        if length < settings.least_length or not leads_away:
            continue
        region[around] |= piece | (dilate(piece, 2 * WALL) & wall[around] & bright[around])
        place = points.mean(axis=0)
        findings.append(
            Finding(
                concern=Concern.RECOVERED,
                message=f"a thin vessel {1e3 * length:.0f} mm long at {describe_place(place)} was added by its shape",
                place=place_of(place),
                size=length,
            )
        )
    return grown.with_region(flood(region, grown.seeds)), tuple(findings)


def respond(image: Image, values: VoxelArray, where: Mask, scales: tuple[float, ...]) -> VoxelArray:
    """How much a bright tube an image is at each voxel, in its own intensity.

    The answer at a scale s is s² sqrt(l2 l3) with the two most negative eigenvalues of the Hessian of the image,
    blurred by s, and 0 where l2 is not negative: across a tube both are, next to a wall only one. The largest over
    all scales counts. In the middle of a tube of radius R and contrast C it is C x exp(-x), x = R² / (2 s²).

    Args:
        image: The grid.
        values: (nx, ny, nz) intensities.
        where: Voxels that matter; the others get 0.
        scales: Standard deviations of the Gaussians [m].

    Source: Sato et al., Medical Image Analysis 2(2), 1998, doi:10.1016/S1361-8415(98)80009-1.
    """
    best = np.zeros(values.shape, dtype=np.float32)
    chosen = np.argwhere(where)
    if len(chosen) == 0:
        return best
    for scale in scales:
        sigma = scale / image.spacing
        thinning = np.maximum(np.floor(sigma / FINEST), 1).astype(int)
        # A first Gaussian against aliasing; the derivatives bring the rest of the scale.
        first = 0.5 * (thinning - 1.0)
        thin = ndimage.gaussian_filter(values, first, mode="nearest")
        thin = thin[:: thinning[0], :: thinning[1], :: thinning[2]]
        rest = np.sqrt(sigma**2 - first**2) / thinning
        places = (chosen / thinning).T
        hessian = np.empty((len(chosen), 6), dtype=np.float32)
        for column, (one, other) in enumerate(((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))):
            order = np.zeros(3, dtype=int)
            order[one] += 1
            order[other] += 1
            part = ndimage.gaussian_filter(thin, rest, order=tuple(order), mode="nearest")
            unit = np.prod((image.spacing * thinning) ** order)
            hessian[:, column] = (
                ndimage.map_coordinates(part, places, order=1, mode="nearest") / unit * scale**2
            )
        best[where] = np.maximum(best[where], _tubular(hessian))
    return best


@njit(cache=True)
def _tubular(hessian: NDArray[np.float32]) -> NDArray[np.float32]:
    """sqrt(l2 l3) of symmetric matrices (xx, yy, zz, xy, xz, yz), eigenvalues by the trigonometric formula."""
    answer = np.zeros(len(hessian), dtype=np.float32)
    for row in range(len(hessian)):
        xx, yy, zz, xy, xz, yz = hessian[row]
        mean = (xx + yy + zz) / 3.0
        off = xy * xy + xz * xz + yz * yz
        size = np.sqrt(((xx - mean) ** 2 + (yy - mean) ** 2 + (zz - mean) ** 2 + 2.0 * off) / 6.0)
        if size <= 0.0:
            continue
        a, b, c = (xx - mean) / size, (yy - mean) / size, (zz - mean) / size
        d, e, f = xy / size, xz / size, yz / size
        half = 0.5 * (a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e))
        angle = np.arccos(min(max(half, -1.0), 1.0)) / 3.0
        largest = mean + 2.0 * size * np.cos(angle)
        smallest = mean + 2.0 * size * np.cos(angle + 2.0 * np.pi / 3.0)
        middle = 3.0 * mean - largest - smallest
        if middle < 0.0:
            answer[row] = np.sqrt(middle * smallest)
    return answer
