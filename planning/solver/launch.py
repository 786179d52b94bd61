"""Starting the flow solver as MPI processes, following its progress, and passing on an interruption."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import hemoplan.errors
from hemoplan.errors import DivergenceError, HemoplanError, InterruptedRunError, ResourceError

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 90.0
"""How long an interrupted solver may take to write its checkpoint."""
LAST_LINES = 12
"""Lines of the solver's log that an unexpected end shows."""

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a simulation stands.

    Attributes:
        fraction: Share of the steps that are done.
        cycle, cycles: The running cycle and how many there are.
        courant: Courant number.
        seconds_left: The solver's estimate [s].
    """

    fraction: float
    cycle: int
    cycles: int
    courant: float
    seconds_left: float


def default_ranks() -> int:
    """As many processes as there are cores for this process, but no more than a small mesh keeps busy."""
    return max(
        1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    )


def mpi_command(ranks: int, arguments: Sequence[str]) -> list[str]:
    """The command line of some processes of this Python.

    Raises:
        ResourceError: Several ranks are wanted, and there is no `mpirun`.
    """
    python = [sys.executable, *arguments]
    launcher = shutil.which("mpirun") or shutil.which("mpiexec")
    if launcher is not None:
        return [launcher, "-n", str(ranks), *python]
    if ranks == 1:
        return python
    raise ResourceError(
        "there is no mpirun, which starts several solver processes",
        where="--ranks",
        value=ranks,
        remedy="install Open MPI or MPICH, run through `scripts/hemoplan`, or use --ranks 1",
    )


def mpi_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of the solver's processes: the caller's, and what Open MPI needs where they lack it."""
    chosen = {
        "OMP_NUM_THREADS": "1",  # the ranks are the parallelism
        "OPENBLAS_NUM_THREADS": "1",
        # More ranks than cores is slow but must work; both names, for Open MPI 5 and 4.
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        # A rank that waits for another gives its core away; on a busy machine the solver is three times as fast so.
        "OMPI_MCA_mpi_yield_when_idle": "1",
    }
    if os.getuid() == 0:  # the only user of many containers, whom Open MPI refuses by default
        chosen |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    paths = [str(REPOSITORY), *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**chosen, **environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def launch_solver(
    request: Path, *, ranks: int, report: Callable[[Progress], None], keep_open: Sequence[int] = ()
) -> None:
    """Run one simulation to its end.

    Ctrl-C and SIGTERM, which arrive here as KeyboardInterrupt, are passed on; the solver then leaves a checkpoint.

    Args:
        request: The `solve.json`; the solver's output goes to `solve.log` beside it.
        ranks: MPI processes.
        report: Told of the progress.
        keep_open: File descriptors that the solver inherits, such as the lock of the run.

    Raises:
        HemoplanError: What the solver says in `error.json`, as the same class.
        KeyboardInterrupt: After the solver has ended, where this process was interrupted.
    """
    folder = request.parent
    note = folder / "error.json"
    note.unlink(missing_ok=True)
    (folder / "progress.jsonl").unlink(missing_ok=True)
    command = mpi_command(ranks, ["-m", "planning.solver.program", str(request)])
    with (folder / "solve.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=mpi_environment(os.environ),
            start_new_session=True,  # a Ctrl-C reaches this process alone, which asks the ranks to save their state
            pass_fds=tuple(keep_open),
        )
        try:
            _follow(process, folder / "progress.jsonl", report)
        except BaseException:
            _stop(process)
            raise
    if process.returncode != 0:
        raise _explain(process.returncode, note, folder / "solve.log")


def read_progress(path: Path) -> Progress | None:
    """The last complete line of `progress.jsonl`; None where there is none yet."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            lines = file.read().split(b"\n")[:-1]
        entry = json.loads(lines[-1])
        return Progress(
            fraction=entry["step"] / entry["steps"],
            cycle=int(entry["cycle"]),
            cycles=int(entry["cycles"]),
            courant=float(entry["cfl"]),
            seconds_left=float(entry["seconds_left"]),
        )
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _follow(process: subprocess.Popen[bytes], path: Path, report: Callable[[Progress], None]) -> None:
    while process.poll() is None:
        progress = read_progress(path)
        if progress is not None:
            report(progress)
        try:
            process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the ranks to end after their step and wait; kill all of them where that takes too long or is asked again."""
    if process.poll() is not None:
        return
    try:
        # mpirun answers SIGTERM by killing its ranks within half a second, so it is the ranks that are asked.
        for rank in _children(process.pid) or [process.pid]:
            _send(rank, signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _children(pid: int) -> list[int]:
    """Child processes, where the system tells (Linux)."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in path.read_text().split()]
        except OSError:
            continue
    return found


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _explain(code: int, note: Path, log: Path) -> HemoplanError:
    """The error that the solver has noted; where it had no time to, what its log and its exit code tell."""
    try:
        entry = json.loads(note.read_text(encoding="utf-8"))
        kind = getattr(hemoplan.errors, str(entry["type"]), HemoplanError)
        return (
            kind(str(entry["message"]))
            if issubclass(kind, HemoplanError)
            else HemoplanError(str(entry["message"]))
        )
    except (OSError, ValueError, KeyError):
        pass
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    last = "\n  ".join(text.strip().splitlines()[-LAST_LINES:])
    if "No space left on device" in text:
        return ResourceError(
            "the disk is full", where=str(note.parent), value=_free(note.parent), remedy=_FREE_REMEDY
        )
    if code == InterruptedRunError.exit_code:
        return InterruptedRunError("the solver was stopped from outside", where=str(log))
    if "KSP_DIVERGED" in text or "DIVERGED" in text:
        return DivergenceError("a linear solver did not converge", where=str(log), value=last)
    raised = re.findall(r"^(?:\w+\.)*\w*(?:Error|Exception)\b.*$", text, flags=re.MULTILINE)
    if raised:
        return HemoplanError(
            "the solver has a defect",
            where=str(log),
            value=raised[0],
            remedy="please report it with the case file and this log",
        )
    killed = code < 0 or code in (137, 139)
    return HemoplanError(
        "the solver was killed, perhaps for want of memory" if killed else "the solver ended unexpectedly",
        where=str(log),
        value=f"exit code {code}; its last lines:\n  {last}" if last else f"exit code {code}",
        remedy="run the same command again to resume from the last checkpoint, or `hemoplan doctor` to check MPI",
    )


_FREE_REMEDY = "free some disk space and run the same command again; it resumes from the last checkpoint"


def _free(folder: Path) -> str:
    return f"{shutil.disk_usage(folder).free / 1e6:,.0f} MB free"
