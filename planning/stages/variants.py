"""Surface and mesh of every variant."""

from __future__ import annotations

from geometry.centerlines.centerline import (
    Centerline,
    Line,
    compute_centerline,
    read_centerline,
    write_centerline,
)
from geometry.edits import achieved_diameter, apply_variant
from geometry.measurements.survey import survey_vessels
from geometry.measurements.table import write_table
from geometry.measurements.zscores import body_surface_area, body_surface_area_by_weight
from geometry.meshing.layer_settings import layers_of
from geometry.meshing.quality import MeshQuality
from geometry.meshing.size_field import Refinement, jet_path
from geometry.meshing.tetrahedra import tetrahedralise
from geometry.meshing.volume import describe_mesh, write_mesh
from geometry.openings.extension_cuts import CUTS_FILE, write_cuts
from geometry.openings.extensions import extend
from geometry.surfaces.conditioning import Conditioned, condition
from geometry.surfaces.surface import Surface, read_surface, write_surface
from hemoplan.case import Baseline, Mesh, Patient, Variant
from hemoplan.errors import SurfaceError, VariantError
from planning.digest import digest_bytes, digest_code, digest_file, digest_model
from planning.display import Display
from planning.ledger import Drafts, Ledger
from planning.pictures.cells import draw_cells
from planning.pictures.saving import save_picture
from planning.pictures.vessels import Plane, draw_planes
from planning.plan import Plan
from planning.stages.vessels import describe_surface, write_conditioning

LARGEST_BY_WEIGHT = 10.0
"""Below this weight [kg] the body surface area can be told without the body's length."""


def edit(plan: Plan, ledger: Ledger, display: Display, variant: Variant) -> None:
    """Make the surface of a variant and its centrelines; the baseline's surface is the base of the others."""
    run, mesh = plan.run, plan.case.mesh
    folder = run.variant(variant.name)
    base = run.surface if isinstance(variant, Baseline) else run.variant(plan.baseline.name).surface
    sizes = mesh.sizes

    def work(drafts: Drafts) -> str:
        before = read_surface(base)
        if isinstance(variant, Baseline):
            conditioned = condition(before, **sizes)
            surface = conditioned.surface
            write_conditioning(drafts.of(folder.conditioning), conditioned)
            if conditioned.rebuilt:
                display.warn(f"{variant.name}: the surface was rebuilt: {_why_rebuilt(conditioned)}")
            summary = f"{describe_surface(surface)}, {1e3 * conditioned.outward.mean:.3f} mm off on average"
        else:
            lines = read_centerline(run.centerline)
            surface = apply_variant(before, lines, variant, **sizes)
            earlier, later = (1e3 * achieved_diameter(each, lines, variant) for each in (before, surface))
            summary = f"narrowest {earlier:.2f} mm -> {later:.2f} mm"
        centerline = _trace_edited(surface, variant)
        write_surface(drafts.of(folder.surface), surface)
        write_centerline(drafts.of(folder.centerline), centerline)
        table = survey_vessels(surface, centerline, surface_area=surface_area(plan.case.patient)).table
        write_table(drafts.of(folder.measurements), table)
        planes = [
            Plane(label=str(number), outline=measured.outline)
            for number, measured in enumerate(table.measurements, start=1)
        ]
        save_picture(draw_planes(surface, planes), drafts.of(folder.measurements_picture))
        return summary

    ledger.perform(
        f"surface {variant.name}",
        inputs={
            "surface": digest_file(base),
            "centreline": digest_file(run.centerline),
            "variant": digest_model(variant),
            "mesh": digest_model(mesh),
            "patient": digest_model(plan.case.patient),
            "code": digest_code("geometry", "planning.pictures"),
        },
        outputs=[
            folder.surface,
            folder.centerline,
            folder.measurements,
            folder.measurements_picture,
            *([folder.conditioning] if isinstance(variant, Baseline) else []),
        ],
        work=work,
    )


def mesh(plan: Plan, ledger: Ledger, variant: Variant) -> None:
    """Fill a variant with tetrahedra, beyond its openings too where they are extended."""
    wanted = plan.case.mesh
    folder = plan.run.variant(variant.name)
    lengths = {opening.name: opening.extension for opening in plan.case.openings if opening.extension}

    def work(drafts: Drafts) -> str:
        lines = read_centerline(folder.centerline)
        line, narrowest = _narrowest(lines)
        extended = extend(read_surface(folder.surface), lengths=lengths)
        volume = tetrahedralise(
            extended.surface,
            **wanted.sizes,
            boundary_layers=layers_of(wanted),
            refinements=_jet(wanted, line, narrowest),
        )
        write_mesh(drafts.of(folder.mesh.path), volume)
        if extended.cuts:
            write_cuts(drafts.of(folder.mesh.path) / CUTS_FILE, extended.cuts)
        picture = draw_cells(volume, focus=line.points[narrowest], radius=3.0 * float(line.radius[narrowest]))
        save_picture(picture, drafts.of(folder.mesh_picture))
        return _describe_mesh(describe_mesh(volume))

    ledger.perform(
        f"mesh {variant.name}",
        inputs={
            "surface": digest_file(folder.surface),
            "centreline": digest_file(folder.centerline),
            "mesh": digest_model(wanted),
            "extensions": digest_bytes(repr(sorted(lengths.items())).encode()),
            "code": digest_code("geometry", "planning.pictures"),
        },
        outputs=[folder.mesh.path, folder.mesh_picture],
        work=work,
    )


def _why_rebuilt(conditioned: Conditioned) -> str:
    failed = [rung.finding for rung in conditioned.rungs if not rung.passed]
    return failed[0] if failed else "its walls are joined"


def _narrowest(centerline: Centerline) -> tuple[Line, int]:
    """The line that holds the narrowest place, and the index of that place; ends, cut short by caps, do not count."""
    found = [
        (float(line.radius[1:-1].min()), line, 1 + int(line.radius[1:-1].argmin()))
        for line in centerline.lines
    ]
    _, line, index = min(found, key=lambda entry: entry[0])
    return line, index


def _jet(wanted: Mesh, line: Line, narrowest: int) -> tuple[Refinement, ...]:
    """The way of the jet behind the narrowest place, where the case asks for it."""
    if not wanted.jet_diameters:
        return ()
    path = jet_path(
        line.points,
        line.radius,
        narrowest=narrowest,
        diameters=wanted.jet_diameters,
        edges_across=wanted.jet_edges / wanted.factor,
    )
    return (path,)


def _describe_mesh(quality: MeshQuality) -> str:
    text = f"{quality.cells:,} cells, worst radius ratio {quality.core_radius_ratio_min:.2f}"
    if quality.layers is None:
        return text
    layers = quality.layers
    return (
        f"{text}, {layers.count} layers from {1e3 * layers.first_height_mean:.3f} mm "
        f"(whole on {100.0 * layers.full_share:.0f} % of the wall)"
    )


def surface_area(patient: Patient) -> float | None:
    """Body surface area [m²] from weight and length, or below 10 kg from the weight alone; None if unknown."""
    weight = float(patient.weight)
    if patient.length is not None:
        return body_surface_area(weight, float(patient.length))
    return body_surface_area_by_weight(weight) if weight < LARGEST_BY_WEIGHT else None


def _trace_edited(surface: Surface, variant: Variant) -> Centerline:
    """Centrelines of an edited surface; where they cannot be traced any more, it is the edit that is at fault."""
    try:
        return compute_centerline(surface)
    except SurfaceError as error:
        if isinstance(variant, Baseline):
            raise
        raise VariantError(
            "the edit leaves no way for the blood",
            where=f"variant.{variant.name}",
            value=error.what,
            remedy="change 'diameter', 'length' or 'near'",
        ) from error
