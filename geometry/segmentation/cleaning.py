"""Clean-up of a region: spurs that the image does not resolve, holes, islands; and where a vessel is too thin."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from geometry.imaging.image import Image
from geometry.segmentation.flooding import Mask, dilate, erode, flood
from geometry.segmentation.outcome import Concern, Finding, describe_place, place_of
from hemoplan.arrays import FloatArray, IntArray

WORTH_A_LINE = 2.5
"""A dropped branch is reported if it is longer than this times three voxels: shorter ones are noise on the wall."""


def drop_spurs(image: Image, region: Mask, seeds: IntArray) -> tuple[Mask, tuple[Finding, ...]]:
    """Drop side branches thinner than three voxels, which the image does not resolve; thin bridges stay.

    Returns:
        What is left, connected with the seeds, and the longer branches that were dropped.
    """
    wide = dilate(erode(region)) & region
    parts, _ = ndimage.label(wide)
    pieces, _ = ndimage.label(region & ~wide)
    kept = wide.copy()
    findings = []
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        around = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        piece = pieces[around] == number
        touched = np.unique(parts[around][dilate(piece)])
        if np.count_nonzero(touched) > 1:
            kept[around] |= piece
            continue
        start = np.array([side.start for side in around], dtype=np.float64)
        points = image.to_world(np.argwhere(piece) + start)
        length = _length(points)
        if length > WORTH_A_LINE * 3.0 * image.spacing.max():
            width = _width(len(points), length, image)
            findings.append(
                Finding(
                    concern=Concern.DROPPED,
                    message=f"a branch {1e3 * width:.1f} mm wide and {1e3 * length:.0f} mm long at "
                    f"{describe_place(points.mean(axis=0))} is thinner than three voxels and was dropped",
                    place=place_of(points.mean(axis=0)),
                    size=length,
                )
            )
    kept[tuple(seeds.T)] = True
    return flood(kept, seeds), tuple(findings)


def fill_holes(region: Mask) -> Mask:
    """The region with what it encloses."""
    outside = np.pad(~region, 1, constant_values=True)
    return np.asarray(~flood(outside, np.zeros((1, 3), dtype=np.int64))[1:-1, 1:-1, 1:-1])


def find_unresolved(image: Image, region: Mask, *, resolved: float) -> tuple[Finding, ...]:
    """Bridges of the region that are narrower than so many voxels: their width is a guess.

    A bridge is what is thinner than three voxels between two wider parts.
    """
    wide = dilate(erode(region)) & region
    parts, _ = ndimage.label(wide)
    pieces, _ = ndimage.label(region & ~wide)
    findings = []
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        around = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        piece = pieces[around] == number
        if np.count_nonzero(np.unique(parts[around][dilate(piece)])) < 2:
            continue
        start = np.array([side.start for side in around], dtype=np.float64)
        points = image.to_world(np.argwhere(piece) + start)
        width = _width(len(points), _length(points), image)
        if width < resolved * image.spacing.max():
            place = points.mean(axis=0)
            findings.append(
                Finding(
                    concern=Concern.UNRESOLVED,
                    message=f"the vessel at {describe_place(place)} is about {1e3 * width:.1f} mm wide, less than "
                    f"{resolved:g} voxels of {1e3 * image.spacing.max():.2g} mm: its width is a guess",
                    place=place_of(place),
                    size=width,
                )
            )
    return tuple(findings)


def _length(points: FloatArray) -> float:
    """Largest extent of a piece [m]."""
    return float(np.linalg.norm(np.ptp(points, axis=0)))


def _width(count: int, length: float, image: Image) -> float:
    """Diameter of the cylinder that has as many voxels over the length [m]."""
    step = float(image.spacing.mean())
    return float(2.0 * np.sqrt(count * image.voxel_volume / (np.pi * (length + step))))
