"""Formulas, samples and activations: what drives a circuit."""

from __future__ import annotations

import numpy as np
import pytest

from hemoplan.errors import CaseError
from lumped.svzerod.activations import (
    Activation,
    DoubleTanh,
    Fourier,
    HalfCosine,
    PiecewiseCosine,
    TwoHill,
    WrappingCosine,
)
from lumped.svzerod.formula import read_formula
from lumped.svzerod.signals import read_signal

T = np.linspace(0.0, 0.999, 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.0 * (4*ATAN(1.)) * COS(2.0 * pi * t)", 2.0 * np.pi * np.cos(2.0 * np.pi * T)),
        ("-t^2 + 3", 3.0 - T**2),
        ("if(t < 0.3, 1, exp(-t))", np.where(T < 0.3, 1.0, np.exp(-T))),
        (
            "max(0, sin(7*t)) * (t > 0.2 and t <= 0.8)",
            np.maximum(0.0, np.sin(7.0 * T)) * ((T > 0.2) & (T <= 0.8)),
        ),
        ("5", np.full(T.size, 5.0)),
    ],
)
def test_formula(text: str, expected: np.ndarray) -> None:
    assert read_formula(text, "here").at(T) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    "text", ["", "t +", "x + 1", "open('f')", "t.real", "__import__('os')", "[t]", "1/t", 5]
)
def test_what_is_no_formula(text: object) -> None:
    with pytest.raises(CaseError, match="here"):
        read_formula(text, "here")


def test_samples_are_joined_by_lines_and_repeat() -> None:
    signal = read_signal({"t": [0.0, 0.25, 1.0], "Q": [1.0, 3.0, 1.0]}, "Q", "here", least=0.0, periodic=True)
    assert signal.period == 1.0
    assert signal.at(np.array([0.125, 0.625, 1.125, 7.25]), 1.0) == pytest.approx([2.0, 2.0, 2.0, 3.0])


ACTIVATIONS: list[tuple[Activation, float]] = [
    (HalfCosine(t_active=0.2, t_twitch=0.4), 0.4),
    (PiecewiseCosine(contract_start=0.1, relax_start=0.35, contract_duration=0.25, relax_duration=0.3), 0.35),
    (Fourier(), np.nan),
    (WrappingCosine(Tsa=0.4, tpwave=10.0), 0.9),
    (TwoHill(t_shift=0.1, tau_1=0.27, tau_2=0.45, m1=1.3, m2=22.0), np.nan),
    (DoubleTanh(tsys=0.2, tdias=0.5, steepness=0.01), 0.35),
]


@pytest.mark.parametrize(("activation", "peak"), ACTIVATIONS, ids=lambda each: type(each).__name__)
def test_activation_goes_from_rest_to_one_and_repeats(activation: Activation, peak: float) -> None:
    shape = activation.at(T, 1.0)
    assert shape.min() == pytest.approx(0.0, abs=1e-3)
    assert shape.max() == pytest.approx(1.0, abs=1e-3)
    assert activation.at(T + 3.0, 1.0) == pytest.approx(shape, abs=1e-9)
    if not np.isnan(peak):
        assert activation.at(np.array([peak]), 1.0)[0] == pytest.approx(1.0, abs=1e-12)
