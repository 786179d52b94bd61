from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from hemoplan.errors import HemoplanError
from hemoplan.results import (
    Distribution,
    FlowMetrics,
    NumericalHealth,
    PortHistory,
    PortMetrics,
    read_metrics,
    read_ports,
    write_metrics,
    write_ports,
)

PERIOD = 0.4


def history(steps: int = 20, cycles: int = 3) -> PortHistory:
    times = PERIOD / steps * np.arange(1, steps * cycles + 1)
    return PortHistory(
        ports=("ascending_aorta", "p_side_Pa"),
        times=times,
        pressures=np.column_stack([7000.0 + times, 6000.0 + times]),
        flows=np.column_stack([-1e-5 * times, 1e-5 * times]),
    )


def metrics() -> FlowMetrics:
    port = PortMetrics(
        mean_pressure=7e3,
        systolic_pressure=9e3,
        diastolic_pressure=6e3,
        mean_flow=-1.4e-5,
        mean_total_pressure=7.1e3,
        peak_total_pressure=9.5e3,
    )
    shear = Distribution(mean=3.0, p01=0.1, p05=0.2, median=2.0, p95=9.0, p99=20.0)
    health = NumericalHealth(**{entry.name: 1 for entry in fields(NumericalHealth)})
    health = replace(health, periodicity_pressure=0.01, periodicity_flow=0.004, periodic_tolerance=0.02)
    return FlowMetrics(
        variant="baseline",
        period=PERIOD,
        inlet="ascending_aorta",
        proximal="ascending_aorta",
        distal="body",
        ports={"ascending_aorta": port, "body": port},
        flow_split={"body": 1.0},
        peak_to_peak_gradient=3e3,
        peak_gradient=4e3,
        mean_gradient=1e3,
        power_loss=0.02,
        dissipation=0.01,
        peak_velocity=2.5,
        tawss=shear,
        osi=shear,
        rrt=shear,
        transwss=shear,
        washout_time=0.3,
        age=shear,
        health=health,
    )


def test_ports_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "ports.csv"
    write_ports(path, history())
    back = read_ports(path)
    assert back.ports == history().ports
    np.testing.assert_allclose(back.times, history().times, rtol=1e-9, atol=0.0)
    np.testing.assert_allclose(back.pressures, history().pressures, rtol=1e-9, atol=0.0)
    np.testing.assert_allclose(back.flows, history().flows, rtol=1e-9, atol=0.0)


def test_header_says_names_and_units(tmp_path: Path) -> None:
    path = tmp_path / "ports.csv"
    write_ports(path, history())
    header = path.read_text(encoding="utf-8").splitlines()[0]
    assert header.startswith("t_s,p_ascending_aorta_Pa,Q_ascending_aorta_m3_per_s,")


def test_one_row_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "ports.csv"
    write_ports(path, history(steps=1, cycles=1))
    assert read_ports(path).pressures.shape == (1, 2)


@pytest.mark.parametrize("damage", ["cut", "empty", "words", "column"])
def test_damaged_ports(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "ports.csv"
    write_ports(path, history())
    text = path.read_text(encoding="utf-8")
    changed = {
        "cut": text[:-40],
        "empty": "",
        "words": text.replace("7.000020000e+03", "high"),
        "column": text.replace("t_s,", "t_s,p_more_Pa,Q_more_m3_per_s,"),
    }[damage]
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(HemoplanError, match=r"ports.csv\] cannot read the port histories.*hemoplan solve"):
        read_ports(path)


def test_cycles_are_counted_from_both_ends() -> None:
    whole = history()
    last = whole.cycle(PERIOD, -1)
    assert last.times.size == 20
    np.testing.assert_allclose(last.times, PERIOD / 20 * np.arange(1, 21), rtol=0.0, atol=1e-12)
    np.testing.assert_array_equal(last.pressures, whole.pressures[40:])
    np.testing.assert_array_equal(whole.cycle(PERIOD, 2).pressures, last.pressures)
    np.testing.assert_array_equal(whole.cycle(PERIOD, 0).flows, whole.flows[:20])


@pytest.mark.parametrize("index", [3, -4, 10])
def test_a_cycle_that_was_not_run_is_an_error(index: int) -> None:
    with pytest.raises(HemoplanError, match="no such cycle.*one of the 3 cycles up to 1.2 s"):
        history().cycle(PERIOD, index)


def test_a_port_by_name() -> None:
    assert history().pressure("p_side_Pa")[0] == pytest.approx(6000.02)
    assert history().flow("ascending_aorta")[-1] == pytest.approx(-1.2e-5)


def test_metrics_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_metrics(path, metrics())
    assert read_metrics(path) == metrics()


def test_metrics_without_an_age(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_metrics(path, replace(metrics(), age=None))
    assert read_metrics(path).age is None


@pytest.mark.parametrize(("old", "new"), [('"osi"', '"iso"'), ('"cells"', '"tetrahedra"'), ("{", "")])
def test_damaged_metrics(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "metrics.json"
    write_metrics(path, metrics())
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(HemoplanError, match=r"metrics.json\] cannot read the metrics"):
        read_metrics(path)


def test_periodic_needs_both_pressure_and_flow() -> None:
    health = metrics().health
    assert health.periodic
    assert not replace(health, periodicity_flow=0.03).periodic
    assert not replace(health, periodicity_pressure=0.03).periodic
    assert not replace(health, periodicity_pressure=float("nan")).periodic
    assert not replace(health, periodicity_flow=float("nan")).periodic
