"""The report: one HTML file that needs nothing else, for the people who decide on the operation."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from geometry.centerlines.centerline import read_centerline
from geometry.measurements.arch_diameters import ArchDiameters, measure_arch_diameters
from geometry.measurements.table import MeasurementTable, read_table
from hemoplan.case import Case
from hemoplan.results import FlowMetrics, PortHistory, read_metrics, read_ports
from hemoplan.units import to_unit
from planning.closed_loop.section import describe_loop, read_circulations
from planning.report.compare import Comparison, Row, compare
from planning.report.fields import Field, VariantFields, choose_scales, read_fields
from planning.report.figures import draw_flows, draw_overview, draw_periodicity, draw_pressures, save_figure
from planning.report.health import (
    CUFF_LIMIT_MMHG,
    baseline_of,
    check_targets,
    find_alarms,
    find_cautions,
    find_mismatch,
    tabulate_health,
)
from planning.report.measured import tabulate_stations
from planning.report.narrative import describe_variant, list_assumptions, summarise
from planning.report.page import read_template, render_template
from planning.report.palette import variant_inks
from planning.report.panels import camera_for, draw_panels
from planning.report.scene import export_scene, scene_context
from planning.report.thresholds import Subject, evaluate_thresholds, find_conflicts
from planning.run_folder import RunFolder, read_json, require_file
from planning.wording import duration, plain, spoken

_RUN = "run `hemoplan run CASE`"
_SOLVE = "run `hemoplan solve CASE`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture inside the page: a data URI, and what it shows for those who cannot see it."""

    source: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """Rows of the comparison under one heading."""

    title: str
    rows: tuple[Row, ...]


def write_report(run: RunFolder, case: Case) -> Path:
    """Write `report.html`, `scene.html` and `figures/` from what lies in the run folder.

    Args:
        run: A run folder whose variants have all been solved.
        case: The case that was run.

    Returns:
        The path of the report.

    Raises:
        HemoplanError: Something that the report needs is missing or damaged.
    """
    names = [variant.name for variant in case.variants]
    metrics = {name: read_metrics(require_file(run.variant(name).metrics, remedy=_SOLVE)) for name in names}
    histories = {name: read_ports(require_file(run.variant(name).ports, remedy=_SOLVE)) for name in names}
    provenance = read_json(run.provenance, remedy=_RUN)
    stages = read_json(run.stages, remedy=_RUN) if run.stages.exists() else {}
    fields = read_fields(run, names)
    comparison = compare(metrics, baseline=baseline_of(case), circulations=read_circulations(run, case))
    context = {
        **_say_question(case),
        **_say_result(case, comparison, metrics),
        **_say_thresholds(run, case, metrics),
        **_draw_waveforms(run, case, comparison, metrics, histories),
        **_show_circulation(run, case, metrics, histories),
        **_draw_scene(run, case, fields),
        **_show_anatomy(run, case),
        **_say_health(run, case, metrics),
        "assumptions": list_assumptions(case),
        "provenance": tuple(_flatten(provenance)),
        "stages": tuple((spoken(str(name)), duration(float(seconds))) for name, seconds in stages.items()),
        "style": read_template("report.css"),
    }
    run.report.write_text(render_template("report.html.j2", context), encoding="utf-8")
    return run.report


def _say_question(case: Case) -> dict[str, Any]:
    patient = case.patient
    pressures = (patient.cuff.systolic, patient.cuff.diastolic, patient.cuff.mean)
    systolic, diastolic, mean = (plain(to_unit(value, "mmHg"), 0) for value in pressures)
    return {
        "title": spoken(case.name),
        "question": case.question,
        "date": datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC").lstrip("0"),
        "patient": (
            ("Weight", f"{plain(to_unit(patient.weight, 'kg'), 2)} kg"),
            ("Heart rate", f"{plain(to_unit(patient.heart_rate, '1/min'), 0)}/min"),
            ("Cuff", f"{systolic}/{diastolic} ({mean}) mmHg, taken for the {spoken(patient.cuff.site)}"),
            _say_source(case),
        ),
    }


def _say_source(case: Case) -> tuple[str, str]:
    """What drives the flow."""
    if case.circulation is not None:
        named = case.circulation.anatomy
        return ("Circulation", f"closed, {spoken(named)}" if named else "closed, with a beating heart")
    flow = to_unit(case.mean_inflow, "mL/min")
    return (
        "Inflow",
        f"{plain(flow, 0)} mL/min ({plain(flow / float(case.patient.weight), 0)} mL/min/kg)",
    )


def _say_result(case: Case, comparison: Comparison, metrics: Mapping[str, FlowMetrics]) -> dict[str, Any]:
    inks = variant_inks(comparison.variants)
    return {
        "baseline": comparison.baseline,
        "alarms": find_alarms(case, metrics),
        "cautions": (*find_cautions(metrics), *find_mismatch(case, metrics)),
        "variants": [
            {
                "name": variant.name,
                "colour": inks[variant.name].colour,
                "what": describe_variant(variant),
                "summary": summarise(comparison, metrics[variant.name]),
            }
            for variant in case.variants
        ],
        "groups": _group_rows(case, comparison, metrics[comparison.baseline]),
    }


def _group_rows(case: Case, comparison: Comparison, reference: FlowMetrics) -> tuple[RowGroup, ...]:
    def group(title: str, *keys: str) -> RowGroup:
        return RowGroup(title=title, rows=tuple(comparison.row(key) for key in keys))

    sites = dict.fromkeys((reference.proximal, case.patient.cuff.site, reference.distal))
    pressures = [f"{kind}.{site}" for site in sites for kind in ("systolic", "diastolic", "mean")]
    flows = [f"{kind}.{name}" for name in reference.flow_split for kind in ("flow", "split")]
    between = f"{spoken(reference.proximal)} to {spoken(reference.distal)}"
    return (
        group(f"Gradient, {between}", "peak_to_peak_gradient", "peak_gradient", "mean_gradient"),
        group("Pressure", *pressures),
        group("Flow", *flows),
        group("Energy and velocity", "power_loss", "dissipation", "peak_velocity"),
        group("Wall", "tawss_p01", "tawss_median", "tawss_p99", "osi_p99"),
    )


def _say_thresholds(run: RunFolder, case: Case, metrics: Mapping[str, FlowMetrics]) -> dict[str, Any]:
    subjects = {
        name: Subject(
            metrics=entry,
            arch=_measure(run, name, case),
            weight=float(case.patient.weight),
            cuff_site=case.patient.cuff.site,
            measured=_measured(run, name),
        )
        for name, entry in metrics.items()
    }
    evaluations = evaluate_thresholds(subjects)
    return {"evaluations": evaluations, "conflicts": find_conflicts(evaluations)}


def _measure(run: RunFolder, name: str, case: Case) -> ArchDiameters | None:
    path = run.variant(name).centerline
    if not path.exists():
        return None
    return measure_arch_diameters(read_centerline(path), distal=case.comparison.distal)


def _measured(run: RunFolder, name: str) -> MeasurementTable | None:
    path = run.variant(name).measurements
    return read_table(path) if path.exists() else None


def _draw_waveforms(
    run: RunFolder,
    case: Case,
    comparison: Comparison,
    metrics: Mapping[str, FlowMetrics],
    histories: Mapping[str, PortHistory],
) -> dict[str, Any]:
    reference = metrics[comparison.baseline]
    cuff, distal = case.patient.cuff, reference.distal
    cycles = {name: history.cycle(metrics[name].period, -1) for name, history in histories.items()}
    sites = tuple(dict.fromkeys((reference.proximal, cuff.site, distal)))
    figures: tuple[tuple[str, Figure, str], ...] = (
        (
            "overview",
            draw_overview(comparison, reference),
            "Bars of the gradients and of the share of the inflow",
        ),
        (
            "pressures",
            draw_pressures(cycles, sites=sites, cuff=cuff),
            f"Pressure over the last cycle at {', '.join(spoken(site) for site in sites)}",
        ),
        (
            "flows",
            draw_flows(
                cycles,
                ports=tuple(reference.ports),
                inlets=[name for name in reference.ports if name not in reference.flow_split],
            ),
            "Flow over the last cycle at every opening",
        ),
        (
            "periodicity",
            draw_periodicity(histories, period=reference.period, site=cuff.site, outlet=distal),
            "The last two cycles of pressure and flow on top of each other",
        ),
    )
    return {name: _embed(save_figure(figure, run.figures, name), text) for name, figure, text in figures}


def _show_circulation(
    run: RunFolder,
    case: Case,
    metrics: Mapping[str, FlowMetrics],
    histories: Mapping[str, PortHistory],
) -> dict[str, Any]:
    """The section on the closed circulation, where the case has one."""
    if case.circulation is None:
        return {"loop_section": None}
    cycles = {name: history.cycle(metrics[name].period, -1) for name, history in histories.items()}
    section = describe_loop(run, case, case.circulation, cycles)
    pictures = (
        (section.loops, "loops", "Pressure–volume loops of the ventricles"),
        (section.waveforms, "port_waveforms", "Pressure and flow at every opening, 3D beside 0D"),
    )
    loops, waveforms = (
        _embed(save_figure(figure, run.figures, name), text) for figure, name, text in pictures
    )
    return {"loop_section": {"rows": section.rows, "loops": loops, "waveforms": waveforms}}


def _draw_scene(run: RunFolder, case: Case, variants: Sequence[VariantFields]) -> dict[str, Any]:
    scales, camera = choose_scales(variants), camera_for(variants)
    run.figures.mkdir(parents=True, exist_ok=True)
    panels = []
    for field in (Field.PRESSURE, Field.VELOCITY, Field.TAWSS):
        figure = draw_panels(variants, field, scale=scales[field], camera=camera)
        path = run.figures / f"panel_{field.value}.png"
        figure.savefig(path, dpi=220)
        panels.append(_embed(path, f"{field.value} of all variants, seen from the {camera.standpoint}"))
    title = f"{spoken(case.name)}: 3D scene"
    export_scene(run.scene, variants, title=title, scales=scales, camera=camera)
    return {
        "panels": panels,
        "standpoint": camera.standpoint,
        **scene_context(variants, scales=scales, camera=camera),
    }


def _show_anatomy(run: RunFolder, case: Case) -> dict[str, Any]:
    """The pictures that the stages before the flow left, as far as they are there."""
    pictures = (
        (run.picture("surface"), "The scan with the outline of the lumen that was used, slice by slice."),
        (
            run.picture("openings"),
            "The surface with its openings and centrelines, coloured by the local radius.",
        ),
        (
            run.variant(baseline_of(case)).measurements_picture,
            "Where the reference anatomy was measured; the numbers are those of the table.",
        ),
        (
            run.variant(baseline_of(case)).mesh_picture,
            "The cells of the reference anatomy, and how good they are.",
        ),
    )
    names = [variant.name for variant in case.variants]
    tables = {name: table for name in names if (table := _measured(run, name)) is not None}
    complete = len(tables) == len(names)
    return {
        "stations": tabulate_stations(tables, pictured=baseline_of(case)) if complete else (),
        "anatomy": tuple((_embed(path, text), text) for path, text in pictures if path.exists()),
    }


def _say_health(run: RunFolder, case: Case, metrics: Mapping[str, FlowMetrics]) -> dict[str, Any]:
    predicted: Mapping[str, Any] = {}
    if run.calibration.exists():
        predicted = read_json(run.calibration, remedy=_RUN).get("achieved", {})
    tuned = baseline_of(case)
    labels = ("systolic", "diastolic", "mean")
    return {
        "tuned": tuned,
        "closed_loop": case.circulation is not None,
        "circuits_tuned": any(outlet.flow_fraction is not None for outlet in case.outlets.values()),
        "cuff_limit": CUFF_LIMIT_MMHG,
        "targets": check_targets(case, metrics[tuned]),
        "predicted": tuple(to_unit(float(predicted[key]), "mmHg") for key in labels if key in predicted),
        "health": tabulate_health(metrics),
    }


def _embed(path: Path, description: str) -> Picture:
    kind = {".svg": "image/svg+xml", ".png": "image/png"}[path.suffix]
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return Picture(source=f"data:{kind};base64,{data}", description=description)


def _flatten(entry: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested keys and values as lines of a table."""
    lines: list[tuple[str, str]] = []
    for key, value in entry.items():
        label = f"{prefix}{key}" if prefix else spoken(str(key))
        if isinstance(value, Mapping):
            lines += _flatten(value, prefix=f"{label}: ")
        elif isinstance(value, list):
            lines.append((label, " ".join(str(part) for part in value)))
        elif value is not None:
            lines.append((label, str(value)))
    return lines
