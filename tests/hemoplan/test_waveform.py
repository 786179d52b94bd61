from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemoplan.errors import CaseError
from hemoplan.waveform import Waveform, read_waveform


def ramp() -> Waveform:
    return Waveform(np.array([0.1, 0.3]), np.array([0.0, 4.0]), 0.5)


def test_linear_between_samples_and_around_the_end_of_the_cycle() -> None:
    wave = ramp()
    assert wave(0.2) == pytest.approx(2.0)
    assert wave(0.45) == pytest.approx(2.0)  # half way down from 0.3 to 0.1 + 0.5
    assert wave(0.0) == pytest.approx(4.0 / 3.0)
    for cycles in (-3, 1, 1000):
        assert wave(0.2 + 0.5 * cycles) == pytest.approx(2.0, abs=1e-9)
    assert wave(-1e-18) == pytest.approx(wave(0.0))


def test_mean_is_the_exact_integral() -> None:
    assert ramp().mean() == pytest.approx(2.0, rel=1e-14)
    assert ramp().scaled(3.0).mean() == pytest.approx(6.0, rel=1e-14)
    times = np.linspace(0.0, 0.5, 200001)
    assert np.trapezoid(ramp().sample(times), times) / 0.5 == pytest.approx(2.0, rel=1e-8)


def test_sample_is_the_call_at_many_times() -> None:
    times = np.array([-0.7, 0.0, 0.1, 0.29, 0.5, 3.3])
    np.testing.assert_allclose(ramp().sample(times), [ramp()(t) for t in times], rtol=1e-14, atol=0.0)


@pytest.mark.parametrize(
    ("times", "values", "period", "message"),
    [
        ([0.0], [1.0], 1.0, "at least two"),
        ([0.0, 0.5], [1.0], 1.0, "as many times as values"),
        ([0.0, 0.5], [1.0, np.nan], 1.0, "waveform row 2"),
        ([0.0, 0.5], [1.0, 2.0], 0.0, "period must be positive"),
        ([0.0, 0.5], [1.0, 2.0], float("nan"), "period must be positive"),
        ([0.5, 0.1], [1.0, 2.0], 1.0, "must increase"),
        ([0.0, 1.0], [1.0, 2.0], 1.0, "within one cycle"),
        ([-0.1, 0.5], [1.0, 2.0], 1.0, "within one cycle"),
    ],
)
def test_impossible_waveforms(times: list[float], values: list[float], period: float, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        Waveform(np.array(times), np.array(values), period)


def test_file_of_phases(tmp_path: Path) -> None:
    path = tmp_path / "flow.csv"
    path.write_text("# phase, flow\n0.2, 0\n0.6, 4\n", encoding="utf-8")
    wave = read_waveform(path, 0.5)
    assert wave(0.2) == pytest.approx(2.0)
    assert wave.period == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0, 1, 2\n0.5, 1, 2\n", "two columns.*value: 3"),
        ("phase,flow\n0,1\n", "cannot read the waveform"),
        (
            "0, 1\n0.5, 2\n1.0, 1\n",
            r"value: 0 to 1\); expected increasing phases in \[0, 1\). Leave out a last row",
        ),
        ("0, 1\n0.5, x\n", "cannot read the waveform"),
    ],
)
def test_damaged_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "flow.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CaseError, match=rf"flow.csv\].*{message}"):
        read_waveform(path, 0.5)


def test_empty_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="cannot read the waveform.*phase of the cycle"):
        read_waveform(tmp_path / "absent.csv", 0.5)
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    with pytest.raises(CaseError):
        read_waveform(tmp_path / "empty.csv", 0.5)
