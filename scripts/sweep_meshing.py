"""The chain from a surface to tetrahedra over many surfaces: how often it succeeds, how fast, how good, and why not.

    scripts/sweep_meshing                         200 random anatomies; writes docs/meshing.md and its picture
    scripts/sweep_meshing --data FOLDER           and every surface under FOLDER (STL, VTP, OBJ, PLY, MSH)
    scripts/sweep_meshing --count 40 --only kissing tortuous --no-page
    scripts/sweep_meshing --name tree_0_exact     one of them, with its record

Random anatomies (geometry/idealised/random_anatomies.py) have the size of newborns and infants: trees, throats down
to 1.5 mm, aneurysms, vessels that run 0.5 mm apart, tortuous ones, arches with coarctation, ducts, shunts and
cavopulmonary connections. Each comes in one of several forms, from exact triangles to the staircase of a rough
segmentation, and passes through openings, conditioning, centrelines and tetrahedra with three boundary layers, in a
process of its own with a time limit. A record is written to RECORDS as soon as it is there; what has a record is not
done again, so that a sweep that was stopped goes on where it was (--anew starts over).

What an error refuses with a reason counts as a failure and is listed with it. Any other exception is a defect of
hemoplan, and the exit code is 1. 200 random anatomies take about half an hour on two cores.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VTK_SMP_MAX_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # before numpy is loaded: each process has one core

from rich.console import Console  # noqa: E402
from rich.markup import escape  # noqa: E402
from sweep_meshing_chain import Record, mesh_subject  # noqa: E402
from sweep_meshing_page import table, write_page  # noqa: E402
from sweep_meshing_subjects import Subject, file_subjects, random_subjects  # noqa: E402

DOCS = Path(__file__).resolve().parents[1] / "docs"
RECORDS = DOCS.parent / "build" / "sweep_meshing.jsonl"
_console = Console(stderr=True)


@dataclass(slots=True, kw_only=True)
class _Job:
    """A process at work on a subject, and what it told last."""

    process: multiprocessing.process.BaseProcess
    receiver: Connection
    start: float
    news: Record
    done: bool = False
    died: bool = False


def sweep(subjects: Sequence[Subject], records: Path, *, jobs: int, limit: float) -> list[Record]:
    """Run the chain on all subjects that have no record yet, and read all records of these subjects.

    Args:
        subjects: What to run.
        records: File of JSON lines, one a subject, that is added to.
        jobs: Processes at a time.
        limit: Time for each subject [s].
    """
    known = read_records(records)
    waiting = [subject for subject in subjects if subject.name not in known][::-1]
    running: list[_Job] = []
    context = multiprocessing.get_context("fork")
    with records.open("a", encoding="utf-8") as file:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_start(context, waiting.pop()))
            for job in _finished(running, limit):
                running.remove(job)
                record = _collect(job, limit)
                known[record.name] = record
                file.write(json.dumps(record.as_dict()) + "\n")
                file.flush()
                _tell(record, left=len(waiting) + len(running))
    return [known[subject.name] for subject in subjects]


def read_records(path: Path) -> dict[str, Record]:
    """Records by name; a line that a stop has cut off is left out."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            record = Record(**json.loads(line))
        except (json.JSONDecodeError, TypeError):
            continue
        found[record.name] = record
    return found


def _start(context: multiprocessing.context.ForkContext, subject: Subject) -> _Job:
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(subject, sender))
    process.start()
    sender.close()
    news = Record(name=subject.name, family=subject.family, form=subject.form)
    return _Job(process=process, receiver=receiver, start=time.monotonic(), news=news)


def _work(subject: Subject, sender: Connection) -> None:
    """In the process: the chain, silent. It sends its record when a stage begins, and when it is done."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    record = mesh_subject(subject, tell=lambda record: sender.send((False, record.as_dict())))
    sender.send((True, record.as_dict()))
    sender.close()


def _finished(running: list[_Job], limit: float) -> list[_Job]:
    """Jobs that are done, have died, or have run out of time; of the others the latest news is kept."""
    oldest = min(job.start for job in running)
    ready = wait([job.receiver for job in running], timeout=max(oldest + limit - time.monotonic(), 0.0))
    for job in running:
        if job.receiver in ready:
            try:
                job.done, news = job.receiver.recv()
            except EOFError:
                job.died = True
                continue
            job.news = Record(**news)
    return [job for job in running if job.done or job.died or time.monotonic() - job.start >= limit]


def _collect(job: _Job, limit: float) -> Record:
    """The record of a job that has ended, or that is ended now."""
    record = job.news
    if not job.done and not job.died:
        job.process.kill()
        record.outcome, record.reason = "stopped", f"not done after {limit:.0f} s"
    job.process.join()
    if job.died:
        record.outcome, record.reason = "crashed", f"the process ended with exit code {job.process.exitcode}"
    return record


def _tell(record: Record, *, left: int) -> None:
    seconds = sum(record.seconds.values())
    if record.outcome == "meshed":
        said = f"{record.numbers['cells']:,.0f} cells, dihedral angle {record.numbers['core_dihedral']:.1f}°"
    else:
        said = f"[red]{record.outcome}[/red] in {record.stage or 'an unknown stage'}: {escape(record.reason)}"
    _console.print(
        f"{record.name:<28} {seconds:6.1f} s  {said}  ({left} left)", highlight=False, soft_wrap=True
    )


def main() -> None:
    """Read the command line and run the sweep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="a folder of surfaces to run too")
    parser.add_argument("--count", type=int, default=200, help="random anatomies (%(default)s)")
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", help="subjects whose name has one of these words"
    )
    parser.add_argument("--name", help="one subject alone, in this process; prints its record")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (%(default)s)")
    parser.add_argument(
        "--limit", type=float, default=300.0, metavar="SECONDS", help="for each subject (%(default)s)"
    )
    parser.add_argument(
        "--records", type=Path, default=RECORDS, help="file of records (build/sweep_meshing.jsonl)"
    )
    parser.add_argument("--anew", action="store_true", help="forget the records of an earlier sweep")
    parser.add_argument("--no-page", action="store_true", help="print the table, without docs/meshing.md")
    arguments = parser.parse_args()
    if arguments.count < 0 or arguments.jobs < 1 or arguments.limit <= 0.0:
        parser.error("--count, --jobs and --limit are positive")
    if arguments.data is not None and not arguments.data.is_dir():
        parser.error(f"--data: there is no folder {arguments.data}")
    files = file_subjects(arguments.data) if arguments.data is not None else []
    subjects = files + random_subjects(arguments.count)
    if arguments.name:
        chosen = [subject for subject in subjects if subject.name == arguments.name]
        if not chosen:
            parser.error(f"--name: there is no subject {arguments.name}; --count decides how many there are")
        print(json.dumps(mesh_subject(chosen[0]).as_dict(), indent=1))
        return
    if arguments.only:
        subjects = [subject for subject in subjects if any(word in subject.name for word in arguments.only)]
    if not subjects:
        parser.error("nothing is left to run")
    arguments.records.parent.mkdir(parents=True, exist_ok=True)
    if arguments.anew:
        arguments.records.unlink(missing_ok=True)
    records = sweep(subjects, arguments.records, jobs=arguments.jobs, limit=arguments.limit)
    print("\n".join(table(records)))
    if not arguments.no_page:
        write_page(records, DOCS)
    sys.exit(1 if any(record.outcome in ("defect", "crashed") for record in records) else 0)


if __name__ == "__main__":
    main()
