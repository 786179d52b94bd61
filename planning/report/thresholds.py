"""Thresholds in print that apply to an aortic arch, each with its source and its caveat.

They are shown side by side. Nothing here decides: a rule is reported as it reads, and rules that answer the
same question differently are named as being in conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from geometry.measurements.arch_diameters import ArchDiameters
from geometry.measurements.table import MeasurementTable
from hemoplan.results import FlowMetrics
from hemoplan.units import to_unit
from planning.report.measured import scores_at, write_scores
from planning.wording import listed, plain, spoken

_VERSMOLD_WEIGHT_KG = (0.75, 1.5, 3.0)
_VERSMOLD_LIMIT_MMHG = (25.0, 29.0, 37.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the rules are read against.

    Attributes:
        metrics: Flow metrics of one variant.
        arch: Diameters of the variant's arch; None where they could not be measured.
        weight: Weight of the child [kg].
        cuff_site: Opening that the cuff stands for.
        measured: Cross-sections of the variant at anatomical stations; None where there are none.
    """

    metrics: FlowMetrics
    arch: ArchDiameters | None
    weight: float
    cuff_site: str
    measured: MeasurementTable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One side of a rule for one variant: the value as text, and whether the rule's condition holds."""

    value: str
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A rule in print.

    Attributes:
        question: What the rule is asked for; rules of one question can conflict.
        rule: The rule, as it is printed.
        source: Where it is printed.
        caveat: Why it must not be read alone.
        predictive: False where a study found that the rule predicted nothing.
        read: Reads the rule for one variant; None where it cannot be read from what is known.
    """

    question: str
    rule: str
    source: str
    caveat: str
    predictive: bool
    read: Callable[[Subject], Reading | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A rule, read for every variant (None where it cannot be read)."""

    threshold: Threshold
    readings: Mapping[str, Reading | None]


def evaluate_thresholds(subjects: Mapping[str, Subject]) -> tuple[Evaluation, ...]:
    """Read every rule for every variant."""
    return tuple(
        Evaluation(
            threshold=threshold,
            readings={name: threshold.read(subject) for name, subject in subjects.items()},
        )
        for threshold in ARCH_THRESHOLDS
    )


def find_conflicts(evaluations: Sequence[Evaluation]) -> tuple[str, ...]:
    """One sentence for every question that two rules answer differently for the same variant."""
    sentences = []
    for question in dict.fromkeys(evaluation.threshold.question for evaluation in evaluations):
        rules = [evaluation for evaluation in evaluations if evaluation.threshold.question == question]
        for variant in rules[0].readings:
            sides: dict[bool, list[str]] = {True: [], False: []}
            for evaluation in rules:
                reading = evaluation.readings[variant]
                if reading is not None:
                    sides[reading.holds].append(f"“{evaluation.threshold.rule}”")
            if sides[True] and sides[False]:
                sentences.append(
                    f"{question} For {variant} the rules conflict: {listed(sides[True])} "
                    f"{_verb(sides[True], 'says', 'say')} yes, {listed(sides[False])} "
                    f"{_verb(sides[False], 'says', 'say')} no."
                )
    return tuple(sentences)


def lower_limit_of_mean_pressure(weight: float) -> float:
    """Lower limit of the mean aortic pressure of a newborn [Pa] for a weight [kg].

    Piecewise linear between the published 25, 29 and 37 mmHg at 0.75, 1.5 and 3 kg (first 12 hours of life),
    and constant beyond them. Source: Versmold et al., Pediatrics 1981;67:607.
    """
    return float(np.interp(weight, _VERSMOLD_WEIGHT_KG, _VERSMOLD_LIMIT_MMHG)) / to_unit(1.0, "mmHg")


def _read_peak_to_peak(subject: Subject) -> Reading:
    gradient = to_unit(subject.metrics.peak_to_peak_gradient, "mmHg")
    return Reading(value=f"{plain(gradient, 1)} mmHg", holds=gradient >= 20.0)


def _read_arch_ratio(subject: Subject) -> Reading | None:
    if subject.arch is None:
        return None
    ratio = subject.arch.transverse / subject.arch.descending
    return Reading(value=f"{ratio:.2f}", holds=ratio < 0.65)


def _read_arch_below(margin: float) -> Callable[[Subject], Reading | None]:
    def read(subject: Subject) -> Reading | None:
        if subject.arch is None:
            return None
        diameter, limit = to_unit(subject.arch.transverse, "mm"), subject.weight + margin
        return Reading(value=f"{diameter:.1f} mm, limit {limit:.1f} mm", holds=diameter < limit)

    return read


def _read_mean_pressure(subject: Subject) -> Reading:
    limit = to_unit(lower_limit_of_mean_pressure(subject.weight), "mmHg")
    sites = dict.fromkeys((subject.cuff_site, subject.metrics.distal))
    pressures = {site: to_unit(subject.metrics.ports[site].mean_pressure, "mmHg") for site in sites}
    lowest = min(pressures, key=pressures.__getitem__)
    return Reading(
        value=f"{pressures[lowest]:.0f} mmHg ({spoken(lowest)}), limit {limit:.0f} mmHg",
        holds=pressures[lowest] < limit,
    )


def _read_arch_score(subject: Subject) -> Reading | None:
    scores = () if subject.measured is None else scores_at(subject.measured, "proximal_arch")
    if not scores:
        return None
    return Reading(value=write_scores(scores), holds=min(score.value for score in scores) < -2.0)


def _verb(texts: Sequence[str], singular: str, plural: str) -> str:
    return singular if len(texts) == 1 else plural


_GRADIENT = "Is the narrowing significant?"
_ARCH = "Is the transverse arch small?"
_PRESSURE = "Is the mean pressure low?"

ARCH_THRESHOLDS: tuple[Threshold, ...] = (
    Threshold(
        question=_GRADIENT,
        rule="peak-to-peak gradient ≥ 20 mmHg",
        source="ACC/AHA guideline, 2008",
        caveat="Or less with anatomic evidence. Unreliable with an open duct or a low output.",
        predictive=True,
        read=_read_peak_to_peak,
    ),
    Threshold(
        question=_ARCH,
        rule="transverse arch : descending aorta < 0.65",
        source="cohort study of neonatal arch repair",
        caveat="Favours a patch over an extended end-to-end repair; one cohort.",
        predictive=True,
        read=_read_arch_ratio,
    ),
    Threshold(
        question=_ARCH,
        rule="transverse arch < weight in mm",
        source="PubMed 31307310 (2019, n = 153)",
        caveat="Did not predict reintervention in that study.",
        predictive=False,
        read=_read_arch_below(0.0),
    ),
    Threshold(
        question=_ARCH,
        rule="transverse arch < weight + 1 mm",
        source="PubMed 31307310 (2019, n = 153)",
        caveat="Did not predict reintervention in that study.",
        predictive=False,
        read=_read_arch_below(1.0),
    ),
    Threshold(
        question=_ARCH,
        rule="transverse arch z-score below −2, −3 or −4",
        source="PubMed 31307310 (2019, n = 153)",
        caveat="Did not predict reintervention in that study. Read between the brachiocephalic and the left carotid "
        "artery; the models of the z-score were made from echocardiograms.",
        predictive=False,
        read=_read_arch_score,
    ),
    Threshold(
        question=_PRESSURE,
        rule="mean pressure below 25 / 29 / 37 mmHg at 0.75 / 1.5 / 3 kg",
        source="Versmold et al., Pediatrics 1981;67:607",
        caveat="Aortic pressure in the first 12 hours of life; taken as constant above 3 kg. "
        "Where inflow and Windkessels are given, the operation keeps them and cannot show how the heart answers.",
        predictive=True,
        read=_read_mean_pressure,
    ),
)
"""Every rule that the report shows."""
