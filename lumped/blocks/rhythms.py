"""Kinds of activation: how chambers contract in a beat."""

from __future__ import annotations

import numpy as np

from lumped.blocks.activation_laws import DOUBLE_HILL, FOURIER, HALF_COSINE, SINE_SQUARED
from lumped.blocks.record import Blood, Kind, Parameter, Values, catalogue, in_order

HARMONICS = 8

_START = (
    Parameter("start", "s", -2.0, 2.0, "when contraction starts, after the start of the beat", 0.0),
    Parameter("start_share", "1", -1.0, 1.0, "the same, what grows with the period", 0.0),
)


def _double_hill(values: Values, blood: Blood) -> list[float]:
    """With the factor that makes the largest value one, from a fine sample of the beat and its parabola's top."""
    tau1, m1, tau2, m2 = (values[name] for name in ("rise_share", "rise_power", "fall_share", "fall_power"))
    s = np.linspace(1e-4, 1.0, 4001)
    g1, g2 = (s / tau1) ** m1, (s / tau2) ** m2
    shape = g1 / (1.0 + g1) / (1.0 + g2)
    top = int(np.clip(np.argmax(shape.real), 1, s.size - 2))
    below, at, above = shape[top - 1], shape[top], shape[top + 1]
    largest = at - (above - below) ** 2 / (8.0 * (above - 2.0 * at + below))
    return [values["start"], values["start_share"], tau1, m1, tau2, m2, 1.0 / largest]


def _fourier(values: Values, blood: Blood) -> list[float]:
    numbers = [values["start"], values["start_share"], float(HARMONICS), values["mean"]]
    for k in range(1, HARMONICS + 1):
        numbers += [values[f"cosine_{k}"], values[f"sine_{k}"]]
    return numbers


RHYTHMS = catalogue(
    Kind(
        name="sine_squared",
        law=SINE_SQUARED,
        meaning="a = sin²(pi s / D) while s < D, s the time since the start, D = duration + duration_share T",
        source="Goodwin et al., Anesth. Analg. 99, 2004, DOI 10.1213/01.ANE.0000134797.52793.AF",
        parameters=(
            *_START,
            Parameter("duration", "s", 0.0, 2.0, "length of systole", 0.0),
            Parameter("duration_share", "1", 0.0, 1.0, "the same, what grows with the period", 0.0),
        ),
        pack=in_order("start", "start_share", "duration", "duration_share"),
        check=lambda v: "" if v["duration"] + v["duration_share"] > 0.0 else "systole has no length",
    ),
    Kind(
        name="half_cosine",
        law=HALF_COSINE,
        meaning="rises as (1 - cos)/2 while the chamber contracts and falls as (1 + cos)/2 while it relaxes",
        source="Bozkurt, PLoS ONE 14, 2019, DOI 10.1371/journal.pone.0224663",
        parameters=(
            *_START,
            Parameter("contraction", "s", 0.0, 2.0, "time from rest to the height of contraction", 0.0),
            Parameter("contraction_share", "1", 0.0, 1.0, "the same, what grows with the period", 0.0),
            Parameter("relaxation", "s", 0.0, 2.0, "time from there back to rest", 0.0),
            Parameter("relaxation_share", "1", 0.0, 1.0, "the same, what grows with the period", 0.0),
        ),
        pack=in_order(
            "start", "start_share", "contraction", "contraction_share", "relaxation", "relaxation_share"
        ),
        check=lambda v: (
            ""
            if v["contraction"] + v["contraction_share"] > 0.0
            and v["relaxation"] + v["relaxation_share"] > 0.0
            else "contraction or relaxation has no length"
        ),
    ),
    Kind(
        name="double_hill",
        law=DOUBLE_HILL,
        meaning="product of a rising and a falling Hill function of s / T",
        source="Mynard et al., Int. J. Numer. Methods Biomed. Eng. 28, 2012, DOI 10.1002/cnm.1466",
        parameters=(
            *_START,
            Parameter("rise_share", "1", 0.01, 2.0, "share of the beat where the rise is half done", 0.269),
            Parameter("rise_power", "1", 1.0, 50.0, "steepness of the rise", 1.32),
            Parameter("fall_share", "1", 0.01, 2.0, "share of the beat where the fall is half done", 0.452),
            Parameter("fall_power", "1", 1.0, 80.0, "steepness of the fall", 27.4),
        ),
        pack=_double_hill,
    ),
    Kind(
        name="fourier",
        law=FOURIER,
        meaning="mean + sum of cosine_k cos(2 pi k s / T) + sine_k sin(2 pi k s / T)",
        parameters=(
            *_START,
            Parameter("mean", "1", -1.0, 2.0, "mean over the beat", 0.0),
            *(
                Parameter(f"{part}_{k}", "1", -2.0, 2.0, f"coefficient of harmonic {k}", 0.0)
                for k in range(1, HARMONICS + 1)
                for part in ("cosine", "sine")
            ),
        ),
        pack=_fourier,
    ),
)
