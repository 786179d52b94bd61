"""A whole run with a closed circulation around a short vessel: from the scan to the report."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from hemoplan.results import read_metrics
from planning.closed_loop.outputs import read_outputs
from planning.run_folder import RunFolder
from tests.planning.command import CHECKOUT, call, hemoplan

LOOP = CHECKOUT / "tests" / "cases" / "isthmus_loop"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("loop")
    answer = hemoplan("run", LOOP, "--out", folder / "run", "--ranks", "1", folder=folder)
    assert answer.code == 0, answer.stderr
    assert "Qp/Qs 1.00 in 3D–0D, 1.00 in 0D alone" in answer.stdout
    return RunFolder(folder / "run")


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.skipif(find_spec("dolfinx") is None, reason="no DOLFINx here")
class TestFinishedRun:
    """What a finished run with a closed circulation has left."""

    def test_one_loop_has_one_flow(self, finished: RunFolder) -> None:
        """No shunt: both ventricles eject the same, and what enters the vessel leaves it."""
        for name in ("baseline", "banded"):
            outputs = read_outputs(finished.variant(name).circulation_outputs)
            for table in (outputs.coupled, outputs.alone):
                left, right = (table[f"output.{side}_ventricle"].value for side in ("left", "right"))
                assert left == pytest.approx(right, rel=0.01)
                assert table["qp_over_qs"].value == pytest.approx(1.0, abs=0.005)
            metrics = read_metrics(finished.variant(name).metrics)
            entering = -metrics.ports["arch"].mean_flow
            assert metrics.ports["descending_aorta"].mean_flow == pytest.approx(entering, rel=1e-6)
            assert outputs.coupled["flow.isthmus"].value == pytest.approx(entering, rel=5e-3)

    def test_a_wide_short_vessel_changes_little(self, finished: RunFolder) -> None:
        """The isthmus is short and wide: with 3D in its place the circulation does what it did."""
        outputs = read_outputs(finished.variant("baseline").circulation_outputs)
        for key, rel in (
            ("output.left_ventricle", 0.02),
            ("pressure.ascending_aorta.mean", 0.02),
            ("stroke_work.left_ventricle", 0.03),
            ("volume.right_ventricle.end_diastolic", 0.02),
        ):
            assert outputs.coupled[key].value == pytest.approx(outputs.alone[key].value, rel=rel), key

    def test_the_band_takes_flow_from_the_lower_body(self, finished: RunFolder) -> None:
        """In 3D as in 0D: less flow through the isthmus, more pressure before it."""
        base, band = (
            read_outputs(finished.variant(name).circulation_outputs) for name in ("baseline", "banded")
        )
        for before, after in ((base.coupled, band.coupled), (base.alone, band.alone)):
            assert after["flow.isthmus"].value < 0.98 * before["flow.isthmus"].value
            assert (
                after["pressure.ascending_aorta.systolic"].value
                > before["pressure.ascending_aorta.systolic"].value
            )
        metrics = {name: read_metrics(finished.variant(name).metrics) for name in ("baseline", "banded")}
        assert metrics["banded"].peak_gradient > 2.0 * metrics["baseline"].peak_gradient

    def test_the_report_shows_the_circulation(self, finished: RunFolder) -> None:
        text = finished.report.read_text(encoding="utf-8")
        assert "<h2>Circulation</h2>" in text
        assert "Stroke work, left ventricle" in text
        assert (finished.figures / "loops.png").is_file()
        rows = finished.comparison.read_text().splitlines()
        assert any(row.startswith("circulation.qp_over_qs,") for row in rows)
        assert any(row.startswith("circulation_0d.qp_over_qs,") for row in rows)
        entry = json.loads(finished.calibration.read_text())
        assert not entry["tuned"]
        assert set(entry["residuals"]) == {"systolic", "diastolic", "mean"}

    def test_the_same_command_again_does_nothing(self, finished: RunFolder) -> None:
        answer = hemoplan("run", LOOP, "--out", finished.path, "--ranks", "1", folder=finished.path.parent)
        assert answer.code == 0, answer.stderr
        assert not [line for line in answer.stdout.splitlines() if line.startswith("✓")]


FAULTS = {
    "node": (
        'circulation.ports.arch="aortic_arc"',
        2,
        "has no compartment 'aortic_arc' left to meet; did you mean 'aortic_arch'?",
    ),
    "removed": (
        'circulation.remove=["isthmos"]',
        2,
        "has no part 'isthmos' to remove; did you mean 'isthmus'?",
    ),
    "surgery": ('circulation.surgery.banded=["close mitral"]', 4, "circulation.surgery.banded: close mitral"),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_bad_input_is_told_before_the_scan(tmp_path: Path, fault: str) -> None:
    setting, code, message = FAULTS[fault]
    answer = call("run", LOOP, "--out", tmp_path / "run", "--set", setting)
    assert answer.code == code, answer.stderr
    assert message in " ".join(answer.stderr.split())
    assert not (tmp_path / "run" / "scan.nii.gz").exists()
