"""Starting the solver: its command line and environment, its progress, and the errors that it leaves."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import planning.solver.launch
from hemoplan.errors import DivergenceError, HemoplanError, ResourceError
from planning.solver.launch import Progress, launch_solver, mpi_command, mpi_environment, read_progress


def test_without_mpirun_one_rank_runs_alone_and_two_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "mpirun" not in " ".join(mpi_command(1, ["-m", "x"]))
    with pytest.raises(ResourceError, match="no mpirun.*--ranks 1"):
        mpi_command(2, ["-m", "x"])


def test_the_callers_variables_win(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = mpi_environment({"OMP_NUM_THREADS": "3", "PYTHONPATH": "/mine"})
    assert variables["OMP_NUM_THREADS"] == "3"
    assert variables["PYTHONPATH"].endswith(f"{os.pathsep}/mine")
    assert mpi_environment({})["OMP_NUM_THREADS"] == "1"


def test_progress_is_the_last_complete_line(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    assert read_progress(path) is None
    lines = [
        {"cycle": 1, "cycles": 3, "step": step, "steps": 200, "cfl": 2.0, "seconds_left": 9.0}
        for step in (10, 50)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"cycle": 1, "cyc')
    assert read_progress(path) == Progress(fraction=0.25, cycle=1, cycles=3, courant=2.0, seconds_left=9.0)


def fake_solver(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(
        planning.solver.launch,
        "mpi_command",
        lambda ranks, arguments: ["python3", "-c", program, arguments[-1]],
    )


def launch(tmp_path: Path) -> None:
    launch_solver(tmp_path / "solve.json", ranks=1, report=lambda progress: None)


def test_the_solvers_error_comes_back_as_its_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = {"type": "DivergenceError", "message": "[t = 0.1 s] the flow diverges", "exit_code": 7}
    writing = f"Path(sys.argv[1]).with_name('error.json').write_text({json.dumps(note)!r})"
    fake_solver(monkeypatch, f"import sys; from pathlib import Path; {writing}; sys.exit(7)")
    with pytest.raises(DivergenceError) as caught:
        launch(tmp_path)
    assert str(caught.value) == note["message"]
    assert caught.value.exit_code == 7


def test_a_full_disk_below_python_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_solver(monkeypatch, "import sys; print('HDF5: No space left on device'); sys.exit(1)")
    with pytest.raises(ResourceError, match=r"the disk is full.*MB free.*resumes from the last checkpoint"):
        launch(tmp_path)


def test_an_unexpected_end_shows_the_last_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_solver(monkeypatch, "import sys; print('what happened'); sys.exit(3)")
    with pytest.raises(HemoplanError, match=r"ended unexpectedly.*exit code 3(?s:.*)what happened"):
        launch(tmp_path)


def test_a_defect_of_the_solver_is_named_without_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_solver(monkeypatch, "{}['wall']")
    with pytest.raises(HemoplanError, match=r"the solver has a defect \(value: KeyError: 'wall'\)") as caught:
        launch(tmp_path)
    assert "Traceback" not in str(caught.value)


def test_a_killed_solver_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_solver(monkeypatch, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(HemoplanError, match="killed, perhaps for want of memory"):
        launch(tmp_path)


def test_an_old_error_is_not_taken_for_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "error.json").write_text('{"type": "DivergenceError", "message": "old", "exit_code": 7}')
    fake_solver(monkeypatch, "pass")
    launch(tmp_path)
