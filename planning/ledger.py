"""The ledger of a run: which stages are finished, from which inputs, and whether their files are still the same.

A stage works on drafts, which lie aside until all of them are complete; then they replace the files of an earlier run,
and the entry of the stage is written last. So an interruption, at whatever moment, leaves either the earlier files with
their entry or the new files with theirs, or files that no entry vouches for, and which are made again.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hemoplan.errors import ResourceError
from planning.digest import digest_file
from planning.display import Display
from planning.run_guard import signals_kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A finished stage.

    Attributes:
        stage: Its name.
        inputs: Fingerprints of all that it depends on, by name.
        outputs: Fingerprints of the files that it made, by path relative to the run folder.
        seconds: Wall-clock time that it took.
        summary: The number that tells most about the result.
    """

    stage: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    seconds: float
    summary: str


class Drafts:
    """Where a stage puts the files that it makes, until all are complete."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder

    def of(self, path: Path) -> Path:
        """The draft of a file or a folder of the run; the folder that it lies in exists, the name is the same."""
        draft = self._folder / path.relative_to(self._root)
        draft.parent.mkdir(parents=True, exist_ok=True)
        return draft

    def clear(self) -> None:
        """Remove all drafts."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def adopt(self, path: Path) -> None:
        """Put the draft of a file or a folder in the place of the earlier one, if there is a draft."""
        draft = self.of(path)
        if not draft.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.rmtree(path)
        draft.replace(path)


Work = Callable[[Drafts], str]
"""Makes the files of a stage, as drafts or in place, and returns the stage's summary."""


class Ledger:
    """Performs the stages of a run that are not finished yet.

    Args:
        root: The run folder.
        display: Told of every stage.
        timings: JSON file that the seconds of all stages go to.
    """

    def __init__(self, root: Path, display: Display, *, timings: Path) -> None:
        self._root = root
        self._folder = root / ".stages"
        self._drafts = Drafts(root, root / ".drafts")
        self._display = display
        self._timings = timings
        self._seconds: dict[str, float] = {}

    def forget(self) -> None:
        """Forget all finished stages; their files stay until they are replaced."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def perform(self, stage: str, *, inputs: Mapping[str, str], outputs: Sequence[Path], work: Work) -> None:
        """Do a stage, unless it is finished with the same inputs and its files are untouched.

        Args:
            stage: Its name.
            inputs: Fingerprints of all that it depends on, by name.
            outputs: The files and folders that it makes.
            work: Makes them.

        Raises:
            ResourceError: The work is done, but a file is missing: the disk is full.
            HemoplanError: What the work raises; the files of an earlier run are left as they are.
        """
        earlier = self.entry(stage)
        if earlier is not None and self._holds(earlier, inputs, outputs):
            self._note(earlier)
            self._display.reuse(stage, earlier.summary)
            return
        changed = (
            [] if earlier is None else [name for name in inputs if earlier.inputs.get(name) != inputs[name]]
        )
        self._display.begin(stage, changed)
        self._drafts.clear()
        start = time.monotonic()
        try:
            with signals_kept():
                summary = work(self._drafts)
            self._path(stage).unlink(missing_ok=True)
            for path in outputs:
                self._drafts.adopt(path)
        finally:
            self._drafts.clear()
        seconds = time.monotonic() - start
        entry = Entry(
            stage=stage,
            inputs=dict(inputs),
            outputs=self._fingerprints(outputs),
            seconds=seconds,
            summary=summary,
        )
        self._write(entry)
        self._note(entry)
        self._display.finish(stage, seconds, summary)

    def entry(self, stage: str) -> Entry | None:
        """What is known of a finished stage; None where it is not finished."""
        try:
            return Entry(**json.loads(self._path(stage).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _path(self, stage: str) -> Path:
        return self._folder / f"{stage.replace(' ', '_').replace(',', '')}.json"

    def _holds(self, entry: Entry, inputs: Mapping[str, str], outputs: Sequence[Path]) -> bool:
        """Whether an entry is of the same inputs, and its files are what they were."""
        if entry.inputs != dict(inputs):
            return False
        return entry.outputs == {self._relative(path): digest_file(path) for path in outputs}

    def _fingerprints(self, outputs: Sequence[Path]) -> dict[str, str]:
        for path in outputs:
            if not path.exists():
                free = shutil.disk_usage(self._root).free
                raise ResourceError(
                    "the file could not be written",
                    where=str(path),
                    value=f"{free / 1e6:,.0f} MB free",
                    remedy="free some disk space and run the same command again; finished stages are kept",
                )
        return {self._relative(path): digest_file(path) for path in outputs}

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self._root))

    def _write(self, entry: Entry) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(entry.stage)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(entry), indent=1) + "\n", encoding="utf-8")
        partial.replace(path)

    def _note(self, entry: Entry) -> None:
        self._seconds[entry.stage] = round(entry.seconds, 2)
        self._timings.write_text(json.dumps(self._seconds, indent=1) + "\n", encoding="utf-8")
