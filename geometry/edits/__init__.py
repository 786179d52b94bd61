"""Surgical edits: a variant becomes a new surface. To add an edit: one file here, one line in `edit_for`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from geometry.centerlines.centerline import Centerline
from geometry.centerlines.stations import narrowest, nearest
from geometry.edits.band import place_band
from geometry.edits.ligation import tie_off
from geometry.edits.patch import sew_patch
from geometry.edits.radial import smallest_diameter
from geometry.edits.stent import place_stent
from geometry.surfaces.intersection import self_intersections
from geometry.surfaces.remesh import remesh
from geometry.surfaces.surface import Surface, check_closed
from hemoplan.arrays import FloatArray
from hemoplan.case import Band, Baseline, Ligation, Stent, SurgicalPatch, Variant
from hemoplan.errors import SurfaceError, VariantError

Edit = Callable[[Surface, Centerline], Surface]
"""A closed surface and its centreline to the edited closed surface with the same patches."""


def edit_for(variant: Variant) -> Edit:
    """The edit that a variant of the case file asks for."""
    match variant:
        case Baseline():
            return lambda surface, _: surface
        case Stent():
            return partial(place_stent, stent=variant)
        case SurgicalPatch():
            return partial(sew_patch, patch=variant)
        case Band():
            return partial(place_band, band=variant)
        case Ligation():
            return partial(tie_off, ligation=variant)


def apply_variant(
    surface: Surface,
    centerline: Centerline,
    variant: Variant,
    *,
    size: float,
    min_size: float,
    edges_per_radius: float,
) -> Surface:
    """Edit a surface and remesh it; the baseline is returned as it is.

    Args:
        surface: Closed, with named openings.
        centerline: Of that surface.
        variant: What to do.
        size, min_size, edges_per_radius: As for `geometry.surfaces.remesh.remesh`.

    Raises:
        VariantError: The edit cannot be made there, or the edited wall passes through itself.
        SurfaceError: The point `near` lies outside the vessels, or the surface cannot be remeshed.
    """
    if isinstance(variant, Baseline):
        return surface
    where = f"variant.{variant.name}"
    edited = edit_for(variant)(surface, centerline)
    edited = remesh(edited, size=size, min_size=min_size, edges_per_radius=edges_per_radius)
    check_closed(edited, where=where)
    if [patch.name for patch in edited.patches] != [patch.name for patch in surface.patches]:
        raise SurfaceError("an opening was lost in the edit", where=where)
    pairs = self_intersections(edited.points, edited.triangles)
    if len(pairs):
        x, y, z = 1e3 * edited.points[edited.triangles[pairs[0, 0]]].mean(axis=0)
        raise VariantError(
            "the edited wall passes through itself",
            where=where,
            value=f"{len(pairs)} pairs of triangles; the first near ({x:.1f}, {y:.1f}, {z:.1f}) mm",
            expected="a wall that stays clear of the bend's other side and of its neighbours",
            remedy="reduce 'diameter' or 'length'",
        )
    return edited


def achieved_diameter(
    surface: Surface, centerline: Centerline, variant: Stent | SurgicalPatch | Band | Ligation
) -> float:
    """Smallest equivalent diameter over the length of an edit [m]; zero where the vessel is closed there.

    Args:
        surface: The edited surface, or any other that is to be compared with it.
        centerline: Of the surface before the edit, which the edit was placed on.
        variant: The edit.
    """
    near = np.array(variant.near)
    if isinstance(variant, Ligation):
        place = nearest(centerline, near)
        return smallest_diameter(surface, place, 0.0) if _is_inside(surface, place.point) else 0.0
    place = nearest(centerline, near) if isinstance(variant, Band) else narrowest(centerline, near)
    return smallest_diameter(surface, place, variant.length)


def _is_inside(surface: Surface, point: FloatArray) -> bool:
    """Whether a point lies within a closed surface: by the solid angle that its triangles fill, 4 pi or 0."""
    a, b, c = (surface.points[surface.triangles[:, corner]] - point for corner in range(3))
    la, lb, lc = (np.linalg.norm(each, axis=1) for each in (a, b, c))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c))
    dots = [np.einsum("ij,ij->i", one, other) for one, other in ((a, b), (b, c), (c, a))]
    angle = 2.0 * np.arctan2(volume, la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb)
    return abs(float(angle.sum())) > 2.0 * np.pi
