"""The surface of the lumen with its named openings, and its centrelines."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from geometry.centerlines.centerline import compute_centerline, write_centerline
from geometry.imaging.image import read
from geometry.imaging.label_map import read_labels
from geometry.openings.cutting import cut_openings
from geometry.openings.renaming import rename_openings
from geometry.surfaces.conditioning import Conditioned, condition
from geometry.surfaces.extract import extract_surface
from geometry.surfaces.reading import read_any
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


def take_surface(plan: Plan, ledger: Ledger) -> None:
    """Read a surface that was made elsewhere, condition it, and name its openings or cut them."""
    case, run = plan.case, plan.run
    source = case.image
    assert source.surface is not None and source.unit is not None  # this stage is for such cases
    path, unit = source.surface, source.unit

    def work(drafts: Drafts) -> str:
        conditioned = condition(read_any(path, unit=unit, frame=source.frame), **case.mesh.sizes)
        name_or_cut = rename_openings if conditioned.surface.openings else cut_openings
        surface = name_or_cut(conditioned.surface, case.openings)
        write_surface(drafts.of(run.surface), surface)
        write_conditioning(drafts.of(run.conditioning), conditioned)
        return f"{describe_surface(surface)}, {len(surface.openings)} openings"

    ledger.perform(
        "surface",
        inputs={
            "surface": digest_file(path),
            "source": digest_model(source),
            "openings": digest_model(*case.openings),
            "mesh": digest_model(case.mesh),
            "code": digest_code("geometry"),
        },
        outputs=[run.surface, run.conditioning],
        work=work,
    )


def write_conditioning(path: Path, conditioned: Conditioned) -> None:
    """What each rung of the conditioning found and did, and how far the wall moved [m], as JSON."""
    content = {
        "rungs": [asdict(rung) for rung in conditioned.rungs],
        "rebuilt": conditioned.rebuilt,
        "outward": asdict(conditioned.outward),
        "inward": asdict(conditioned.inward),
        "volume_change": conditioned.volume_change,
        "quality": asdict(conditioned.quality),
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


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
