from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from hemoplan.case import Case
from hemoplan.results import FlowMetrics, PortHistory, read_ports
from planning.report.compare import compare
from planning.report.figures import draw_flows, draw_overview, draw_periodicity, draw_pressures
from planning.report.palette import variant_inks
from planning.run_folder import RunFolder
from tests.planning.synthetic_run import PERIOD, PORTS, THROATS


@pytest.fixture(scope="module")
def histories(run: RunFolder) -> dict[str, PortHistory]:
    return {name: read_ports(run.variant(name).ports) for name in THROATS}


@pytest.fixture(scope="module")
def cycles(histories: dict[str, PortHistory]) -> dict[str, PortHistory]:
    return {name: history.cycle(PERIOD, -1) for name, history in histories.items()}


def test_pressures_are_drawn_in_mmhg_with_the_cuff_at_its_site(
    cycles: dict[str, PortHistory], case: Case
) -> None:
    cuff = case.patient.cuff
    figure = draw_pressures(cycles, sites=PORTS, cuff=cuff)
    panels = figure.axes
    peak = np.max(panels[0].lines[0].get_ydata())
    assert peak == pytest.approx(72.6, abs=0.7)
    assert "[mmHg]" in panels[0].get_ylabel()
    counts = [len(panel.lines) for panel in panels]
    assert counts == [3, 6, 3]
    assert [line.get_ydata()[0] for line in panels[1].lines[3:]] == pytest.approx([72.0, 55.0, 44.0])


def test_inflow_is_drawn_positive_and_flows_in_ml_per_s(cycles: dict[str, PortHistory]) -> None:
    figure = draw_flows(cycles, ports=PORTS, inlets=PORTS[:1])
    inflow = figure.axes[0].lines[0].get_ydata()
    assert np.min(inflow) >= 0.0
    assert np.mean(inflow) == pytest.approx(850.0 / 60.0, rel=1e-3)
    assert "[mL/s]" in figure.axes[0].get_ylabel()


def test_a_variant_has_the_same_colour_everywhere(
    cycles: dict[str, PortHistory],
    histories: dict[str, PortHistory],
    metrics: Mapping[str, FlowMetrics],
    case: Case,
) -> None:
    colours = [ink.colour for ink in variant_inks(tuple(THROATS)).values()]
    assert len(set(colours)) == len(colours)
    pressures = draw_pressures(cycles, sites=PORTS, cuff=case.patient.cuff)
    assert [line.get_color() for line in pressures.axes[0].lines] == colours
    periodicity = draw_periodicity(histories, period=PERIOD, site=PORTS[1], outlet=PORTS[2])
    assert [axis.lines[1].get_color() for axis in periodicity.axes[:3]] == colours
    overview = draw_overview(compare(metrics, baseline="baseline"), metrics["baseline"])
    assert len(overview.axes[0].containers) == 3


def test_bars_show_the_compared_values(metrics: Mapping[str, FlowMetrics]) -> None:
    comparison = compare(metrics, baseline="baseline")
    figure = draw_overview(comparison, metrics["baseline"])
    heights = [bars[0].get_height() for bars in figure.axes[0].containers]
    assert heights == pytest.approx(list(comparison.row("peak_to_peak_gradient").values))


def test_the_last_two_cycles_lie_on_each_other_where_the_flow_is_periodic(
    histories: dict[str, PortHistory],
) -> None:
    figure = draw_periodicity(histories, period=PERIOD, site=PORTS[1], outlet=PORTS[2])
    previous, last = figure.axes[1].lines
    assert np.asarray(previous.get_ydata()) == pytest.approx(np.asarray(last.get_ydata()))
