"""Whole runs: from the scan to the report, again, changed, diverging, interrupted."""

from __future__ import annotations

import json
import shutil
import signal
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from hemoplan.case_file import load_case
from hemoplan.results import FlowMetrics, read_metrics, read_ports
from hemoplan.units import to_unit
from planning.run_folder import RunFolder
from tests.planning.command import CHECKOUT, TUBE, hemoplan, start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.mpi,
    pytest.mark.skipif(find_spec("dolfinx") is None, reason="no DOLFINx here"),
]

COARSE = [
    *("--set", 'mesh.size="1.8 mm"', "--set", 'mesh.min_size="0.6 mm"', "--set", "mesh.edges_per_radius=2"),
    *("--set", 'solver.time_step="0.5 ms"', "--set", "solver.cycles=2"),
]
"""The shipped case with the coarsest mesh that still has a throat."""


def stages(output: str, mark: str) -> list[str]:
    """The stages of a run's output whose lines begin with a mark."""
    return [line[2:28].strip() for line in output.splitlines() if line.startswith(f"{mark} ")]


def metrics_of(folder: Path) -> dict[str, FlowMetrics]:
    return {path.parent.name: read_metrics(path) for path in folder.glob("variants/*/metrics.json")}


def check_physics(folder: Path) -> None:
    """What must hold of any run, whatever its mesh."""
    case, metrics = load_case(folder), metrics_of(folder)
    baseline = metrics["baseline"]
    for name, entry in metrics.items():
        assert entry.health.mass_imbalance_max < 1e-3, name
        inflow = -entry.ports[case.inlet].mean_flow
        assert inflow == pytest.approx(case.mean_inflow, rel=2e-3)
        assert sum(entry.flow_split.values()) == pytest.approx(1.0, abs=1e-3)
        if name != "baseline":
            assert entry.peak_to_peak_gradient < 0.75 * baseline.peak_to_peak_gradient
            assert entry.mean_gradient < 0.75 * baseline.mean_gradient
            assert entry.power_loss < baseline.power_loss
    cuff, port = case.patient.cuff, baseline.ports[case.patient.cuff.site]
    for wanted, reached in (
        (cuff.systolic, port.systolic_pressure),
        (cuff.diastolic, port.diastolic_pressure),
        (cuff.mean, port.mean_pressure),
    ):
        assert to_unit(abs(reached - wanted), "mmHg") < 3.0
    for outlet, entry in case.outlets.items():
        assert baseline.flow_split[outlet] == pytest.approx(entry.flow_fraction, abs=0.02)


def check_report(folder: Path) -> None:
    """It is there and loads nothing from elsewhere."""
    text = RunFolder(folder).report.read_text(encoding="utf-8")
    assert "<html" in text
    for attribute in ('src="http', 'href="http', "src='http", "url(http", "@import"):
        assert attribute not in text


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the small case, from scan to report."""
    folder = tmp_path_factory.mktemp("finished")
    answer = hemoplan("run", TUBE, "--out", folder / "run", "--ranks", "1", folder=folder)
    assert answer.code == 0, answer.stderr
    assert "Peak-to-peak gradient [mmHg]" in answer.stdout
    assert "report:" in answer.stdout
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, elsewhere."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_the_small_case_obeys_physics(finished: Path) -> None:
    check_physics(finished)
    check_report(finished)


def test_the_run_says_where_its_numbers_come_from(finished: Path) -> None:
    provenance = json.loads((finished / "provenance.json").read_text())
    assert provenance["ranks"] == 1
    assert provenance["command"].startswith("hemoplan run ")
    assert len(provenance["inputs"]["anatomy"]["sha256"]) == 64
    assert {"numpy", "vtk", "gmsh"} <= set(provenance["versions"])
    assert provenance["started"] <= provenance["finished"]
    seconds = json.loads((finished / "stages.json").read_text())
    assert {"scan", "segmentation", "mesh stent", "simulation baseline", "report"} <= set(seconds)


def test_calibration_says_what_was_reached(finished: Path) -> None:
    entry = json.loads((finished / "calibration.json").read_text())
    assert entry["tuned"]
    assert max(abs(residual) for residual in entry["residuals"].values()) < 3.0 * 133.3
    assert set(entry["outlets"]) == {"side", "far"}


def test_the_same_command_again_does_nothing(run: Path) -> None:
    answer = hemoplan("run", TUBE, "--out", run, "--ranks", "1", folder=run.parent)
    assert answer.code == 0, answer.stderr
    assert stages(answer.stdout, "✓") == []
    assert stages(answer.stdout, "=")[0] == "scan"
    assert stages(answer.stdout, "=")[-1] == "report"


def test_a_changed_variant_leaves_the_others_alone(run: Path) -> None:
    answer = hemoplan(
        "mesh", TUBE, "--out", run, "--set", 'variants.stent.diameter="7 mm"', folder=run.parent
    )
    assert answer.code == 0, answer.stderr
    assert stages(answer.stdout, "✓") == ["surface stent", "mesh stent"]


def test_divergence_is_explained_and_leaves_the_earlier_results(run: Path) -> None:
    before = (run / "variants" / "baseline" / "metrics.json").read_bytes()
    wild = ["--ranks", "1", "--set", 'solver.time_step="20 ms"']
    answer = hemoplan("solve", TUBE, "--out", run, *wild, folder=run.parent)
    assert answer.code == 7, answer.stderr
    assert "smaller" in answer.stderr
    assert "time_step" in answer.stderr
    assert (run / "variants" / "baseline" / "metrics.json").read_bytes() == before
    again = hemoplan("run", TUBE, "--out", run, "--ranks", "1", folder=run.parent)
    assert again.code == 0, again.stderr
    assert stages(again.stdout, "✓") == []


def test_an_interrupted_run_resumes_from_its_checkpoint(run: Path) -> None:
    shutil.rmtree(run / "variants" / "stent" / "checkpoint")
    progress, metrics = (
        run / "variants" / "stent" / "progress.jsonl",
        run / "variants" / "stent" / "metrics.json",
    )
    progress.unlink(missing_ok=True)
    before = metrics.read_bytes()
    metrics.write_bytes(b"damaged")
    process = start("run", TUBE, "--out", run, "--ranks", "2", folder=run.parent)
    deadline = time.monotonic() + 300.0
    while not (progress.exists() and "\n" in progress.read_text()):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=120.0)
    assert process.returncode == 9
    assert "run the same command to resume" in stderr
    assert "Traceback" not in stderr
    reached = json.loads(progress.read_text().splitlines()[-1])["step"]
    answer = hemoplan("run", TUBE, "--out", run, "--ranks", "2", folder=run.parent)
    assert answer.code == 0, answer.stderr
    assert "simulation baseline" in stages(answer.stdout, "=")
    assert stages(answer.stdout, "✓")[0] == "simulation stent"
    first = json.loads(progress.read_text().splitlines()[0])["step"]
    assert first > reached > 0
    assert len(read_ports(run / "variants" / "stent" / "ports.csv").times) == 572
    gradient = read_metrics(metrics).peak_to_peak_gradient
    metrics.write_bytes(before)
    # Two ranks in the place of one: the linear solvers end at another iterate, some 0.02 Pa apart.
    assert gradient == pytest.approx(read_metrics(metrics).peak_to_peak_gradient, abs=0.5)


def test_two_runs_do_not_share_a_folder(run: Path) -> None:
    (run / "variants" / "stent" / "metrics.json").unlink()
    shutil.rmtree(run / "variants" / "stent" / "checkpoint")
    (run / "variants" / "stent" / "progress.jsonl").unlink(missing_ok=True)
    process = start("run", TUBE, "--out", run, "--ranks", "1", folder=run.parent)
    while not (run / "variants" / "stent" / "progress.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    answer = hemoplan("run", TUBE, "--out", run, folder=run.parent)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120.0)
    assert answer.code == 8
    assert "another run is at work in the folder" in answer.stderr


def test_a_real_scan_to_flow(shared_data: Path, tmp_path: Path) -> None:
    """MR angiography of an adult's aorta; one seed and three points were set by hand."""
    case = CHECKOUT / "tests" / "cases" / "vmtk_aorta"
    image = shared_data / "vmtk_aorta" / "aorta.mha"
    coarse = [
        *("--set", f'image.path="{image}"', "--set", 'mesh.size="4 mm"', "--set", 'mesh.min_size="2 mm"'),
        *("--set", "mesh.edges_per_radius=3", "--set", 'solver.time_step="2 ms"'),
    ]
    answer = hemoplan("run", case, "--out", tmp_path / "run", *coarse, "--ranks", "2", folder=tmp_path)
    assert answer.code == 0, answer.stderr
    check_physics(tmp_path / "run")
    check_report(tmp_path / "run")
    # No narrowing: a gradient of a few mmHg (a healthy abdominal aorta at rest).
    assert abs(to_unit(metrics_of(tmp_path / "run")["baseline"].mean_gradient, "mmHg")) < 3.0


def test_the_shipped_case_coarse(tmp_path: Path) -> None:
    case = CHECKOUT / "cases" / "neonatal_coarctation"
    answer = hemoplan("run", case, "--out", tmp_path / "run", *COARSE, "--ranks", "2", folder=tmp_path)
    assert answer.code == 0, answer.stderr
    check_physics(tmp_path / "run")
    check_report(tmp_path / "run")
    gradient = to_unit(metrics_of(tmp_path / "run")["baseline"].peak_to_peak_gradient, "mmHg")
    assert gradient > 20.0  # a coarctation that is treated (ACC/AHA 2008)
