"""The surface of the lumen with its named openings, and its centrelines."""

from __future__ import annotations

from geometry.centerlines.centerline import compute_centerline, write_centerline
from geometry.imaging.image import read
from geometry.imaging.label_map import read_labels
from geometry.openings.cutting import cut_openings
from geometry.surfaces.extract import extract_surface
from geometry.surfaces.surface import Surface, enclosed_volume, read_surface, write_surface
from planning.digest import digest_code, digest_file, digest_model
from planning.ledger import Drafts, Ledger
from planning.pictures.saving import save_picture
from planning.pictures.slices import draw_slices
from planning.pictures.vessels import draw_vessels
from planning.plan import Plan


def extract(plan: Plan, ledger: Ledger) -> None:
    """Turn the lumen into a closed surface with named openings."""
    case, run = plan.case, plan.run
    by_level_set = case.segmentation is not None and case.segmentation.method == "level-set"

    def work(drafts: Drafts) -> str:
        image, labels = read(run.scan), read_labels(run.labels)
        distance = read(run.contour) if by_level_set else None
        surface = cut_openings(extract_surface(image, labels, distance=distance), case.openings)
        write_surface(drafts.of(run.surface), surface)
        save_picture(draw_slices(image, labels, surface), drafts.of(run.picture("surface")))
        return f"{describe_surface(surface)}, {len(surface.openings)} openings"

    ledger.perform(
        "surface",
        inputs={
            "scan": digest_file(run.scan),
            "segmentation": digest_file(run.labels),
            "contour": digest_file(run.contour) if by_level_set else "none",
            "openings": digest_model(*case.openings),
            "code": digest_code("geometry", "planning.pictures"),
        },
        outputs=[run.surface, run.picture("surface")],
        work=work,
    )


def trace_centerline(plan: Plan, ledger: Ledger) -> None:
    """Trace the centrelines before any edit."""
    run = plan.run

    def work(drafts: Drafts) -> str:
        surface = read_surface(run.surface)
        centerline = compute_centerline(surface)
        write_centerline(drafts.of(run.centerline), centerline)
        save_picture(draw_vessels(surface, centerline), drafts.of(run.picture("openings")))
        return f"{len(centerline.lines)} branches, narrowest {2e3 * float(centerline.radius.min()):.2f} mm"

    ledger.perform(
        "centreline",
        inputs={"surface": digest_file(run.surface), "code": digest_code("geometry", "planning.pictures")},
        outputs=[run.centerline, run.picture("openings")],
        work=work,
    )


def describe_surface(surface: Surface) -> str:
    """Size of a surface, for the line that a stage ends with."""
    return f"{len(surface.triangles):,} triangles, {1e6 * enclosed_volume(surface):.2f} mL"
