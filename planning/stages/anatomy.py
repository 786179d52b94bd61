"""From the scan to tetrahedra: scan, segmentation, surface, centreline, and surface and mesh of every variant."""

from __future__ import annotations

import numpy as np

from geometry.centerlines.centerline import Centerline, compute_centerline, read_centerline, write_centerline
from geometry.edits import achieved_diameter, apply_variant
from geometry.idealised.anatomy_file import load_anatomy
from geometry.idealised.phantom import voxelise
from geometry.imaging.image import Image, read, write
from geometry.imaging.label_map import LUMEN, read_labels, write_labels
from geometry.meshing.quality import measure_quality
from geometry.meshing.tetrahedra import tetrahedralise
from geometry.meshing.volume import write_mesh
from geometry.openings.cutting import cut_openings
from geometry.segmentation.growing import segment_lumen
from geometry.surfaces.extract import extract_surface
from geometry.surfaces.remesh import remesh
from geometry.surfaces.surface import Surface, enclosed_volume, read_surface, write_surface
from hemoplan.case import Baseline, Variant
from hemoplan.errors import CaseError, SurfaceError, VariantError
from planning.digest import digest_code, digest_file, digest_model
from planning.ledger import Drafts, Ledger
from planning.plan import Plan


def prepare_scan(plan: Plan, ledger: Ledger) -> None:
    """Read the scan, or voxelise the anatomy description."""
    source, run = plan.case.image, plan.run
    path = source.path if source.path is not None else source.anatomy
    assert path is not None  # the case holds exactly one of them
    if source.anatomy is not None and not source.anatomy.is_file():
        raise CaseError("there is no such anatomy description", where="image.anatomy", value=source.anatomy)

    def work(drafts: Drafts) -> str:
        image = read(path) if source.path is not None else voxelise(load_anatomy(path))
        write(drafts.of(run.scan), image)
        return _describe_image(image)

    ledger.perform(
        "scan",
        inputs={"image": digest_file(path), "code": digest_code("geometry")},
        outputs=[run.scan],
        work=work,
    )


def segment(plan: Plan, ledger: Ledger) -> None:
    """Find the lumen."""
    case, run = plan.case, plan.run
    names = run.labels.with_name("labels.json")

    def work(drafts: Drafts) -> str:
        image = read(run.scan)
        wanted = case.segmentation
        labels = segment_lumen(image, wanted.seed, lower=wanted.lower, upper=wanted.upper)
        write_labels(drafts.of(run.labels), labels)
        volume = np.count_nonzero(labels.labels == LUMEN) * image.voxel_volume
        return f"lumen {1e6 * volume:.2f} mL"

    ledger.perform(
        "segmentation",
        inputs={
            "scan": digest_file(run.scan),
            "segmentation": digest_model(case.segmentation),
            "code": digest_code("geometry"),
        },
        outputs=[run.labels, names],
        work=work,
    )


def extract(plan: Plan, ledger: Ledger) -> None:
    """Turn the lumen into a closed surface with named openings."""
    case, run = plan.case, plan.run

    def work(drafts: Drafts) -> str:
        surface = cut_openings(extract_surface(read(run.scan), read_labels(run.labels)), case.openings)
        write_surface(drafts.of(run.surface), surface)
        return f"{_describe_surface(surface)}, {len(surface.openings)} openings"

    ledger.perform(
        "surface",
        inputs={
            "scan": digest_file(run.scan),
            "segmentation": digest_file(run.labels),
            "openings": digest_model(*case.openings),
            "code": digest_code("geometry"),
        },
        outputs=[run.surface],
        work=work,
    )


def trace_centerline(plan: Plan, ledger: Ledger) -> None:
    """Trace the centrelines before any edit."""
    run = plan.run

    def work(drafts: Drafts) -> str:
        centerline = compute_centerline(read_surface(run.surface))
        write_centerline(drafts.of(run.centerline), centerline)
        return f"{len(centerline.lines)} branches, narrowest {2e3 * float(centerline.radius.min()):.2f} mm"

    ledger.perform(
        "centreline",
        inputs={"surface": digest_file(run.surface), "code": digest_code("geometry")},
        outputs=[run.centerline],
        work=work,
    )


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
            summary = _describe_surface(surface)
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
        quality = measure_quality(volume.points, volume.tetrahedra)
        return f"{quality.cells:,} cells, worst radius ratio {quality.radius_ratio_min:.2f}"

    ledger.perform(
        f"mesh {variant.name}",
        inputs={
            "surface": digest_file(folder.surface),
            "mesh": digest_model(wanted),
            "code": digest_code("geometry"),
        },
        outputs=[folder.mesh.path],
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


def _describe_image(image: Image) -> str:
    size = " × ".join(str(count) for count in image.voxels.shape)
    spacing = " × ".join(f"{1e3 * step:.2g}" for step in image.spacing)
    return f"{size} voxels of {spacing} mm"


def _describe_surface(surface: Surface) -> str:
    return f"{len(surface.triangles):,} triangles, {1e6 * enclosed_volume(surface):.2f} mL"
