"""Surface and mesh of every variant."""

from __future__ import annotations

from geometry.centerlines.centerline import Centerline, compute_centerline, read_centerline, write_centerline
from geometry.edits import achieved_diameter, apply_variant
from geometry.meshing.quality import measure_quality
from geometry.meshing.tetrahedra import tetrahedralise
from geometry.meshing.volume import write_mesh
from geometry.surfaces.remesh import remesh
from geometry.surfaces.surface import Surface, read_surface, write_surface
from hemoplan.case import Baseline, Variant
from hemoplan.errors import SurfaceError, VariantError
from planning.digest import digest_code, digest_file, digest_model
from planning.ledger import Drafts, Ledger
from planning.pictures.cells import draw_cells
from planning.pictures.saving import save_picture
from planning.plan import Plan
from planning.stages.vessels import describe_surface


def edit(plan: Plan, ledger: Ledger, variant: Variant) -> None:
    """Make the surface of a variant and its centrelines; the baseline's surface is the base of the others."""
    run, mesh = plan.run, plan.case.mesh
    folder = run.variant(variant.name)
    base = run.surface if isinstance(variant, Baseline) else run.variant(plan.baseline.name).surface
    sizes = {"size": mesh.size, "min_size": mesh.min_size, "edges_per_radius": mesh.edges_per_radius}

    def work(drafts: Drafts) -> str:
        before = read_surface(base)
        if isinstance(variant, Baseline):
            surface = remesh(before, **sizes)
            summary = describe_surface(surface)
        else:
            lines = read_centerline(run.centerline)
            surface = apply_variant(before, lines, variant, **sizes)
            earlier, later = (1e3 * achieved_diameter(each, lines, variant) for each in (before, surface))
            summary = f"narrowest {earlier:.2f} mm -> {later:.2f} mm"
        write_surface(drafts.of(folder.surface), surface)
        write_centerline(drafts.of(folder.centerline), _trace_edited(surface, variant))
        return summary

    ledger.perform(
        f"surface {variant.name}",
        inputs={
            "surface": digest_file(base),
            "centreline": digest_file(run.centerline),
            "variant": digest_model(variant),
            "mesh": digest_model(mesh),
            "code": digest_code("geometry"),
        },
        outputs=[folder.surface, folder.centerline],
        work=work,
    )


def mesh(plan: Plan, ledger: Ledger, variant: Variant) -> None:
    """Fill a variant with tetrahedra."""
    wanted = plan.case.mesh
    folder = plan.run.variant(variant.name)

    def work(drafts: Drafts) -> str:
        volume = tetrahedralise(
            read_surface(folder.surface),
            size=wanted.size,
            min_size=wanted.min_size,
            edges_per_radius=wanted.edges_per_radius,
            boundary_layers=wanted.boundary_layers,
        )
        write_mesh(drafts.of(folder.mesh.path), volume)
        line = read_centerline(folder.centerline)
        narrowest = int(line.radius.argmin())
        picture = draw_cells(volume, focus=line.points[narrowest], radius=3.0 * float(line.radius[narrowest]))
        save_picture(picture, drafts.of(folder.mesh_picture))
        quality = measure_quality(volume.points, volume.tetrahedra)
        return f"{quality.cells:,} cells, worst radius ratio {quality.radius_ratio_min:.2f}"

    ledger.perform(
        f"mesh {variant.name}",
        inputs={
            "surface": digest_file(folder.surface),
            "centreline": digest_file(folder.centerline),
            "mesh": digest_model(wanted),
            "code": digest_code("geometry", "planning.pictures"),
        },
        outputs=[folder.mesh.path, folder.mesh_picture],
        work=work,
    )


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
