"""Surgical edits: a variant becomes a new surface. To add an edit: one file here, one line in `edit_for`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from geometry.centerlines.centerline import Centerline
from geometry.centerlines.stations import narrowest
from geometry.edits.patch import sew_patch
from geometry.edits.radial import smallest_diameter
from geometry.edits.stent import place_stent
from geometry.surfaces.intersection import self_intersections
from geometry.surfaces.remesh import remesh
from geometry.surfaces.surface import Surface, check_closed
from hemoplan.case import Baseline, Stent, SurgicalPatch, Variant
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


def achieved_diameter(surface: Surface, centerline: Centerline, variant: Stent | SurgicalPatch) -> float:
    """Smallest equivalent diameter over the length of an edit [m].

    Args:
        surface: The edited surface, or any other that is to be compared with it.
        centerline: Of the surface before the edit, which the edit was placed on.
        variant: The edit.
    """
    return smallest_diameter(surface, narrowest(centerline, np.array(variant.near)), variant.length)
