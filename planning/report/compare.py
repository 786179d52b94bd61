"""Variants side by side: one row a quantity, in clinical units, with the difference to the baseline."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hemoplan.errors import HemoplanError
from hemoplan.results import FlowMetrics
from hemoplan.spelling import nearest
from hemoplan.units import to_unit
from planning.closed_loop.outputs import LoopOutputs, shown, telling_outputs, unit_of
from planning.wording import spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One quantity of all variants.

    Attributes:
        key: What it is, for programs: `mean_gradient`, or `flow.left_carotid` for one opening.
        label: What it is, for people.
        unit: Clinical unit; empty where the quantity has none.
        digits: Decimals that are worth printing.
        values: One value a variant, in `unit`, in the order of `Comparison.variants`.
        differences: Value minus the baseline's value; percentage points where the unit is %.
    """

    key: str
    label: str
    unit: str
    digits: int
    values: tuple[float, ...]
    differences: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All variants of one case.

    Attributes:
        baseline: Name of the variant that the differences refer to.
        variants: Names of the variants, in the order of the case file.
        rows: The quantities.
    """

    baseline: str
    variants: tuple[str, ...]
    rows: tuple[Row, ...]

    def row(self, key: str) -> Row:
        """The row of a key.

        Raises:
            HemoplanError: There is none.
        """
        for row in self.rows:
            if row.key == key:
                return row
        known = [row.key for row in self.rows]
        near = nearest(key, known)
        raise HemoplanError(
            "the comparison has no such quantity",
            value=key,
            expected=f"one of {', '.join(known)}",
            remedy=f"did you mean '{near}'?" if near else "",
        )

    def value(self, key: str, variant: str) -> float:
        """One value, in the unit of its row."""
        return self.row(key).values[self.variants.index(variant)]

    def difference(self, key: str, variant: str) -> float:
        """One difference to the baseline, in the unit of its row."""
        return self.row(key).differences[self.variants.index(variant)]


def compare(
    metrics: Mapping[str, FlowMetrics],
    *,
    baseline: str,
    circulations: Mapping[str, LoopOutputs] | None = None,
) -> Comparison:
    """Put the metrics of all variants side by side.

    Args:
        metrics: Metrics by name of the variant; the order is kept.
        baseline: Name of the variant that the others are compared with.
        circulations: What the closed circulation does in each variant, where there is one. Its rows have keys that
            begin with `circulation.`, and with `circulation_0d.` what 0D says alone.

    Raises:
        HemoplanError: There is no such baseline, or the variants have different openings.
    """
    if baseline not in metrics:
        raise HemoplanError(
            "the baseline is not among the solved variants",
            where="compare",
            value=baseline,
            expected=f"one of {', '.join(metrics) or 'none: nothing has been solved'}",
            remedy="run `hemoplan solve CASE`",
        )
    _check_same_openings(metrics, metrics[baseline])
    reference = metrics[baseline]
    rows = [
        _row(metrics, baseline, key=key, label=label, unit=unit, digits=digits, of=of)
        for key, label, unit, digits, of in _quantities(reference)
    ]
    rows += [] if circulations is None else _circulation_rows(circulations, tuple(metrics), baseline)
    return Comparison(baseline=baseline, variants=tuple(metrics), rows=tuple(rows))


def _circulation_rows(
    circulations: Mapping[str, LoopOutputs], variants: Sequence[str], baseline: str
) -> list[Row]:
    """What the circulation does, from 3D and from 0D alone."""
    rows = []
    for wanted in telling_outputs(circulations):
        for prefix, side, note in (("circulation", "coupled", ""), ("circulation_0d", "alone", ", 0D alone")):
            tables = {name: getattr(circulations[name], side) for name in variants}
            values = tuple(shown(table, wanted.key) for table in tables.values())
            reference = shown(tables[baseline], wanted.key)
            rows.append(
                Row(
                    key=f"{prefix}.{wanted.key}",
                    label=f"{wanted.label}{note}",
                    unit=unit_of(circulations, wanted.key),
                    digits=wanted.digits,
                    values=values,
                    differences=tuple(value - reference for value in values),
                )
            )
    return rows


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Write `comparison.csv`: quantity, unit, a column a variant, a column a difference to the baseline."""
    others = [name for name in comparison.variants if name != comparison.baseline]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "quantity",
                "unit",
                *comparison.variants,
                *(f"{name}_minus_{comparison.baseline}" for name in others),
            ]
        )
        for row in comparison.rows:
            differences = [comparison.difference(row.key, name) for name in others]
            writer.writerow([row.key, row.unit, *(f"{value:.6g}" for value in [*row.values, *differences])])


_Reader = Callable[[FlowMetrics], float]
_Entry = tuple[str, str, str, int, _Reader]


def _quantities(reference: FlowMetrics) -> list[_Entry]:
    """Key, label, unit, decimals and SI value of every row."""
    entries: list[_Entry] = [
        ("peak_to_peak_gradient", "Peak-to-peak gradient", "mmHg", 1, lambda m: m.peak_to_peak_gradient),
        ("peak_gradient", "Peak instantaneous gradient", "mmHg", 1, lambda m: m.peak_gradient),
        ("mean_gradient", "Mean gradient", "mmHg", 1, lambda m: m.mean_gradient),
    ]
    for name in reference.ports:
        entries += _pressures(name)
    for name in reference.flow_split:
        entries += _flows(name)
    entries += [
        ("power_loss", "Power loss", "mW", 2, lambda m: m.power_loss),
        ("dissipation", "Dissipation, viscous and numerical", "mW", 2, lambda m: m.dissipation),
        ("peak_velocity", "Peak velocity", "m/s", 2, lambda m: m.peak_velocity),
        ("tawss_p01", "TAWSS, 1st percentile", "Pa", 2, lambda m: m.tawss.p01),
        ("tawss_median", "TAWSS, median", "Pa", 2, lambda m: m.tawss.median),
        ("tawss_p99", "TAWSS, 99th percentile", "Pa", 1, lambda m: m.tawss.p99),
        ("osi_p99", "OSI, 99th percentile", "", 2, lambda m: m.osi.p99),
        ("rrt_p95", "RRT, 95th percentile", "1/Pa", 2, lambda m: m.rrt.p95),
        ("transwss_p95", "TransWSS, 95th percentile", "Pa", 2, lambda m: m.transwss.p95),
        ("washout_time", "Volume over inflow", "s", 3, lambda m: m.washout_time),
    ]
    return entries


def _pressures(name: str) -> list[_Entry]:
    return [
        (
            f"systolic.{name}",
            f"Systolic, {spoken(name)}",
            "mmHg",
            1,
            lambda m: m.ports[name].systolic_pressure,
        ),
        (
            f"diastolic.{name}",
            f"Diastolic, {spoken(name)}",
            "mmHg",
            1,
            lambda m: m.ports[name].diastolic_pressure,
        ),
        (f"mean.{name}", f"Mean, {spoken(name)}", "mmHg", 1, lambda m: m.ports[name].mean_pressure),
        (
            f"total.{name}",
            f"Mean total pressure, {spoken(name)}",
            "mmHg",
            1,
            lambda m: m.ports[name].mean_total_pressure,
        ),
    ]


def _flows(name: str) -> list[_Entry]:
    return [
        (f"flow.{name}", f"Flow, {spoken(name)}", "mL/min", 0, lambda m: m.ports[name].mean_flow),
        (f"split.{name}", f"Share of inflow, {spoken(name)}", "%", 1, lambda m: m.flow_split[name]),
    ]


def _row(
    metrics: Mapping[str, FlowMetrics],
    baseline: str,
    *,
    key: str,
    label: str,
    unit: str,
    digits: int,
    of: _Reader,
) -> Row:
    scale = to_unit(1.0, _pint_unit(unit))
    values = {name: scale * of(entry) for name, entry in metrics.items()}
    for name, value in values.items():
        if not math.isfinite(value):
            raise HemoplanError(
                "a metric is not a number",
                where=f"variants/{name}/metrics.json",
                value=f"{key} = {value}",
                remedy="look for the cause in run.log, then run `hemoplan solve CASE` again",
            )
    return Row(
        key=key,
        label=label,
        unit=unit,
        digits=digits,
        values=tuple(values.values()),
        differences=tuple(value - values[baseline] for value in values.values()),
    )


def _pint_unit(unit: str) -> str:
    return {"": "dimensionless", "%": "percent"}.get(unit, unit)


def _check_same_openings(metrics: Mapping[str, FlowMetrics], reference: FlowMetrics) -> None:
    for name, entry in metrics.items():
        for what, found, wanted in (
            ("openings", _names(entry.ports), _names(reference.ports)),
            ("outlets", _names(entry.flow_split), _names(reference.flow_split)),
            ("gradient", _gradient(entry), _gradient(reference)),
        ):
            if found != wanted:
                raise HemoplanError(
                    f"the variants cannot be compared: their {what} differ",
                    where=f"variants/{name}/metrics.json",
                    value=found,
                    expected=wanted,
                    remedy="solve all variants with the same case file: run `hemoplan solve CASE` again",
                )


def _gradient(metrics: FlowMetrics) -> str:
    return f"{metrics.proximal} to {metrics.distal}"


def _names(entries: Mapping[str, object] | Sequence[str]) -> str:
    return ", ".join(sorted(entries))
