"""A whole run: which stages, in which order, in one folder, with a log, from wherever an earlier run has come to."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hemoplan.case_file import case_path, load_case
from hemoplan.errors import HemoplanError, InterruptedRunError, ResourceError
from planning.display import Display
from planning.ledger import Ledger
from planning.plan import Goal, Plan, limit_variants
from planning.provenance import Provenance, command_line, now, write_provenance
from planning.resolved_case import absolute_paths, write_case
from planning.run_folder import RunFolder
from planning.run_guard import check_room, disk_full, guard_folder, termination_as_interrupt
from planning.stages import closed_loop, results, scan, simulation, tuning, variants, vessels

ROOMS = ("hemoplan", "geometry", "lumped", "cfd", "twin", "planning")
"""Packages whose messages go to the log of a run."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the user asks for.

    Attributes:
        case: Case file, or a folder that holds one.
        overrides: Texts `key=value`.
        profile: Name of a profile of the case file.
        folder: Run folder; `runs/<name of the case>` in the current folder where None.
        ranks: MPI processes of the solver.
        variants: Names of the variants besides the baseline; all where empty.
        restart: Whether the results of an earlier run are ignored.
    """

    case: Path
    overrides: Sequence[str] = ()
    profile: str | None = None
    folder: Path | None = None
    ranks: int = 1
    variants: Sequence[str] = ()
    restart: bool = False


def run_case(options: RunOptions, goal: Goal, display: Display) -> Plan:
    """Do all stages up to a goal that are not finished yet.

    Returns:
        The plan that was followed, with the run folder.

    Raises:
        HemoplanError: Something is wrong that the user can mend; what was finished before is kept.
    """
    file = case_path(options.case)
    case = limit_variants(load_case(file, options.overrides, options.profile), tuple(options.variants))
    case = absolute_paths(case, file.parent)
    run = RunFolder((options.folder or default_folder(file, case.name)).resolve())
    with guard_folder(run.path) as lock, _logged(run, display), termination_as_interrupt(), _explained(run):
        check_room(run.path, len(case.variants))
        plan = Plan(case=case, run=run, ranks=options.ranks, lock=lock)
        ledger = Ledger(run.path, display, timings=run.stages)
        if options.restart:
            ledger.forget()
        started, provenance = now(), _provenance(plan, file)
        write_case(run.case, case, folder=file.parent)
        write_provenance(run.provenance, provenance, started=started, finished=None)
        _do_stages(plan, ledger, display, goal)
        write_provenance(run.provenance, provenance, started=started, finished=now())
    return plan


def default_folder(file: Path, name: str) -> Path:
    """Where the results go unless said otherwise: the run folder whose own case file this is, or `runs/<name>`."""
    return file.parent if (file.parent / ".stages").is_dir() else Path("runs") / name


def _do_stages(plan: Plan, ledger: Ledger, display: Display, goal: Goal) -> None:
    if plan.case.circulation is not None:
        closed_loop.check_circulation(plan.case, plan.case.circulation)
    if plan.case.segmentation is not None:
        scan.prepare_scan(plan, ledger)
        scan.segment(plan, ledger, display, plan.case.segmentation)
        vessels.extract(plan, ledger)
    else:
        vessels.take_surface(plan, ledger)
    vessels.trace_centerline(plan, ledger)
    if goal >= Goal.MESH:
        for variant in plan.variants:
            variants.edit(plan, ledger, display, variant)
        for variant in plan.variants:
            variants.mesh(plan, ledger, variant)
    if goal >= Goal.SOLVE and plan.case.circulation is not None:
        closed_loop.simulate_variants(plan, ledger, display, plan.case.circulation)
    elif goal >= Goal.SOLVE:
        circuit = tuning.calibrate(plan, ledger, display)
        for variant in plan.variants[1:]:
            start = simulation.periodic_start(plan, variant, circuit)
            simulation.simulate(plan, ledger, display, variant, start)
    if goal >= Goal.COMPARE:
        results.compare_variants(plan, ledger)
    if goal >= Goal.REPORT:
        results.report(plan, ledger)


def _provenance(plan: Plan, file: Path) -> Provenance:
    case = plan.case
    inputs = {"case": file}
    sources = (("image", case.image.path), ("anatomy", case.image.anatomy), ("surface", case.image.surface))
    inputs.update({name: path for name, path in sources if path is not None})
    if case.inflow is not None and str(case.inflow.waveform) != "aortic":
        inputs["inflow waveform"] = case.inflow.waveform
    if case.circulation is not None:
        files = (("circulation", case.circulation.path), ("bedside data", case.circulation.bedside))
        inputs.update({name: path for name, path in files if path is not None})
    return Provenance(command=command_line(), ranks=plan.ranks, inputs=inputs)


@contextmanager
def _explained(run: RunFolder) -> Iterator[None]:
    """Turn what ends a run into errors for the user, and note all of them in the log."""
    try:
        yield
    except KeyboardInterrupt:
        error = InterruptedRunError(
            "the run was stopped",
            where=str(run.path),
            remedy="finished stages and the last checkpoint are kept; run the same command to resume",
        )
        _log.error("%s", error)
        raise error from None
    except HemoplanError as error:
        _log.error("%s", error)
        raise
    except OSError as error:
        full: ResourceError | None = disk_full(error, run.path)
        if full is None:
            _defect(error, run)
            raise
        _log.error("%s", full)
        raise full from error
    except Exception as error:
        _defect(error, run)
        raise


def _defect(error: Exception, run: RunFolder) -> None:
    _log.exception("unexpected error")
    error.add_note(str(run.log))


class _Warnings(logging.Handler):
    """Hands warnings to the display."""

    def __init__(self, display: Display) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        """Show warnings; errors are shown by whoever ends the run."""
        if record.levelno < logging.ERROR:
            self._display.warn(record.getMessage())


@contextmanager
def _logged(run: RunFolder, display: Display) -> Iterator[None]:
    """Write what the rooms say to `run.log`."""
    handlers: list[logging.Handler] = [logging.FileHandler(run.log, encoding="utf-8"), _Warnings(display)]
    handlers[0].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in ROOMS]
    for logger in loggers:
        logger.setLevel(logging.INFO)
        for handler in handlers:
            logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            for handler in handlers:
                logger.removeHandler(handler)
        handlers[0].close()
