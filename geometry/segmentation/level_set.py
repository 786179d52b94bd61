"""Level set: a geodesic active contour in a narrow band, started from the grown region.

The contour is the zero level of a function phi, negative inside, that moves by

    phi_t = curvature g k |grad phi| + advection grad g · grad phi,    g = 1 / (1 + (|grad I| / beta)²),

with the mean curvature k and the edge indicator g, which is small on steep edges: the contour settles where the image
is steepest, as smooth as the curvature's weight asks for. Lengths are in the smallest spacing, so that voxels need not
be cubes.

Source: Caselles, Kimmel & Sapiro, Int. J. Computer Vision 22(1), 1997, doi:10.1023/A:1007979827043.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy import ndimage

from geometry.imaging.image import Image, VoxelArray
from geometry.segmentation.contrast import local_level
from geometry.segmentation.flooding import distance_from, erode, flood
from geometry.segmentation.growing import Grown
from geometry.segmentation.settings import LevelSet
from hemoplan.arrays import IntArray
from hemoplan.errors import SegmentationError

BAND = 4
"""Half the width of the band in which the function is known [voxels]."""
REINITIALISED = 5
"""Steps after which the function is made a distance again."""
STEEP = 0.5
"""The scale beta of the edge indicator, as share of the steepest slope of the lumen's edge."""
EDGE_SMOOTHING = 1.0
"""Standard deviation of the Gaussian of the edge indicator, in smallest spacings."""
TIME_STEP = 0.1
"""Step of the explicit scheme, in units of its weights; stable up to about 1/6."""


def settle_contour(grown: Grown, settings: LevelSet) -> tuple[Grown, Image, int]:
    """Move the edge of the region to where the image is steepest.

    Returns:
        The region inside the contour, the signed distance to it [m] on the region's part of the scan, negative
        inside, and the number of steps.

    Raises:
        SegmentationError: The contour has shrunk to nothing.
    """
    scale = grown.image.spacing / grown.image.spacing.min()
    band = np.argwhere((distance_from(grown.region, BAND) > 0) | (grown.region & ~erode(grown.region, BAND)))
    inner = np.all((band > 0) & (band < np.array(grown.region.shape) - 1), axis=1)
    band = np.ascontiguousarray(band[inner], dtype=np.int64)
    indicator = _edge_indicator(grown)
    phi = _start(grown)
    steps = 0
    before = np.full(len(band), np.nan)
    for steps in range(REINITIALISED, settings.iterations + REINITIALISED, REINITIALISED):
        for _ in range(REINITIALISED):
            _advance(phi, indicator, band, scale, settings.curvature, settings.advection, TIME_STEP)
        _make_distance(phi, band, scale, 3, float(BAND))
        now = phi[tuple(band.T)].astype(np.float64)
        edge = np.abs(now) < 1.0
        if steps > REINITIALISED and np.abs(now - before)[edge].mean() < settings.settled * REINITIALISED:
            break
        before = now
    region = flood(phi < 0.0, grown.seeds)
    if not region.any():
        raise SegmentationError(
            "the level set has lost the lumen",
            where="segmentation",
            value=f"nothing is left after {steps} steps",
            remedy="set 'segmentation.method' to 'growing'",
        )
    distance = Image(
        voxels=(phi * np.float32(grown.image.spacing.min())).astype(np.float32),
        spacing=grown.image.spacing,
        origin=grown.image.origin,
        direction=grown.image.direction,
    )
    return grown.with_region(region), distance, steps


def _edge_indicator(grown: Grown) -> VoxelArray:
    sigma = EDGE_SMOOTHING * grown.image.spacing.min() / grown.image.spacing
    scale = grown.image.spacing / grown.image.spacing.min()
    smooth = ndimage.gaussian_filter(grown.image.voxels, sigma, mode="nearest")
    slope = np.sqrt(sum(each**2 for each in np.gradient(smooth, *scale)))
    edge = grown.region & ~erode(grown.region)
    beta = STEEP * float(np.median(slope[edge]))
    return np.asarray(1.0 / (1.0 + (slope / beta) ** 2), dtype=np.float32)


def _start(grown: Grown) -> VoxelArray:
    """Distance to the half maximum, from the height of the intensity above it and its slope."""
    height = grown.smooth - local_level(grown.image, grown.smooth, grown.region, grown.contrast)
    slope = 0.25 * grown.contrast.difference
    inside = np.where(grown.region, np.maximum(height, 0.05 * slope), np.minimum(height, -0.05 * slope))
    return np.clip(-inside / slope, -BAND, BAND).astype(np.float32)


@njit(cache=True)
def _advance(  # type: ignore[no-untyped-def]
    phi: VoxelArray,
    indicator: VoxelArray,
    band: IntArray,
    scale,
    curvature: float,
    advection: float,
    step: float,
):
    change = np.zeros(len(band), dtype=np.float32)
    hx, hy, hz = scale[0], scale[1], scale[2]
    for row in range(len(band)):
        i, j, k = band[row, 0], band[row, 1], band[row, 2]
        centre = phi[i, j, k]
        px = 0.5 * (phi[i + 1, j, k] - phi[i - 1, j, k]) / hx
        py = 0.5 * (phi[i, j + 1, k] - phi[i, j - 1, k]) / hy
        pz = 0.5 * (phi[i, j, k + 1] - phi[i, j, k - 1]) / hz
        square = px * px + py * py + pz * pz
        bend = 0.0
        if square > 1e-8:
            pxx = (phi[i + 1, j, k] - 2.0 * centre + phi[i - 1, j, k]) / (hx * hx)
            pyy = (phi[i, j + 1, k] - 2.0 * centre + phi[i, j - 1, k]) / (hy * hy)
            pzz = (phi[i, j, k + 1] - 2.0 * centre + phi[i, j, k - 1]) / (hz * hz)
            pxy = phi[i + 1, j + 1, k] - phi[i + 1, j - 1, k] - phi[i - 1, j + 1, k] + phi[i - 1, j - 1, k]
            pxz = phi[i + 1, j, k + 1] - phi[i + 1, j, k - 1] - phi[i - 1, j, k + 1] + phi[i - 1, j, k - 1]
            pyz = phi[i, j + 1, k + 1] - phi[i, j + 1, k - 1] - phi[i, j - 1, k + 1] + phi[i, j - 1, k - 1]
            pxy, pxz, pyz = 0.25 * pxy / (hx * hy), 0.25 * pxz / (hx * hz), 0.25 * pyz / (hy * hz)
            # k |grad phi| = trace of the Hessian minus its part along the gradient
            along = px * px * pxx + py * py * pyy + pz * pz * pzz
            along += 2.0 * (px * py * pxy + px * pz * pxz + py * pz * pyz)
            bend = pxx + pyy + pzz - along / square
        gx = 0.5 * (indicator[i + 1, j, k] - indicator[i - 1, j, k]) / hx
        gy = 0.5 * (indicator[i, j + 1, k] - indicator[i, j - 1, k]) / hy
        gz = 0.5 * (indicator[i, j, k + 1] - indicator[i, j, k - 1]) / hz
        # Upwind: the contour is carried against grad g, towards the valley of g.
        ux = (centre - phi[i - 1, j, k]) if gx < 0.0 else (phi[i + 1, j, k] - centre)
        uy = (centre - phi[i, j - 1, k]) if gy < 0.0 else (phi[i, j + 1, k] - centre)
        uz = (centre - phi[i, j, k - 1]) if gz < 0.0 else (phi[i, j, k + 1] - centre)
        carried = gx * ux / hx + gy * uy / hy + gz * uz / hz
        change[row] = step * (curvature * indicator[i, j, k] * bend + advection * carried)
    for row in range(len(band)):
        phi[band[row, 0], band[row, 1], band[row, 2]] += change[row]


@njit(cache=True)
def _make_distance(phi, band, scale, rounds, limit):  # type: ignore[no-untyped-def]
    """Steps of phi_t = sign(phi) (1 - |grad phi|) by Godunov's upwind scheme; the zero level stays.

    Source: Sussman, Smereka & Osher, J. Computational Physics 114, 1994, doi:10.1006/jcph.1994.1155.
    """
    start = np.empty(len(band), dtype=np.float32)
    change = np.empty(len(band), dtype=np.float32)
    for row in range(len(band)):
        start[row] = phi[band[row, 0], band[row, 1], band[row, 2]]
    for _ in range(rounds):
        for row in range(len(band)):
            i, j, k = band[row, 0], band[row, 1], band[row, 2]
            centre = phi[i, j, k]
            sign = start[row] / np.sqrt(start[row] ** 2 + 1.0)
            square = 0.0
            for axis in range(3):
                if axis == 0:
                    back, ahead = centre - phi[i - 1, j, k], phi[i + 1, j, k] - centre
                elif axis == 1:
                    back, ahead = centre - phi[i, j - 1, k], phi[i, j + 1, k] - centre
                else:
                    back, ahead = centre - phi[i, j, k - 1], phi[i, j, k + 1] - centre
                if sign > 0.0:
                    part = max(max(back, 0.0), -min(ahead, 0.0)) / scale[axis]
                else:
                    part = max(-min(back, 0.0), max(ahead, 0.0)) / scale[axis]
                square += part * part
            change[row] = 0.3 * sign * (1.0 - np.sqrt(square))
        for row in range(len(band)):
            i, j, k = band[row, 0], band[row, 1], band[row, 2]
            phi[i, j, k] = min(max(phi[i, j, k] + change[row], -limit), limit)
