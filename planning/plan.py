"""What a run is to do, and with what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from hemoplan.case import Case, Variant
from hemoplan.errors import CaseError
from planning.run_folder import RunFolder


class Goal(IntEnum):
    """How far a run goes; each goal includes those before it."""

    SEGMENT = 1
    MESH = 2
    SOLVE = 3
    COMPARE = 4
    REPORT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run.

    Attributes:
        case: The case, with absolute paths, limited to the wanted variants.
        run: Where the results go.
        ranks: MPI processes of the solver.
        lock: Descriptor of the run's lock, which the solver inherits.
    """

    case: Case
    run: RunFolder
    ranks: int
    lock: int

    @property
    def baseline(self) -> Variant:
        """The variant that the circuits are tuned on and the others are compared with."""
        return baseline_of(self.case)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All variants, the baseline first."""
        baseline = self.baseline
        return (baseline, *(variant for variant in self.case.variants if variant is not baseline))


def baseline_of(case: Case) -> Variant:
    """The one variant that leaves the anatomy as it is.

    Raises:
        CaseError: There is none, or there are several.
    """
    found = [variant for variant in case.variants if variant.kind == "baseline"]
    if len(found) != 1:
        raise CaseError(
            "a comparison needs one baseline",
            where="variants",
            value=f"{len(found)} variants of kind 'baseline'",
            expected="exactly 1",
            remedy='add [[variants]] with name = "baseline" and kind = "baseline"',
        )
    return found[0]


def limit_variants(case: Case, names: tuple[str, ...]) -> Case:
    """The case with its baseline and the named variants only; all of them where no name is given.

    Raises:
        CaseError: A name is unknown, or there is not exactly one baseline.
    """
    baseline = baseline_of(case)
    known = [variant.name for variant in case.variants]
    for name in names:
        if name not in known:
            raise CaseError(
                "there is no such variant",
                where="--variant",
                value=name,
                expected=f"one of {', '.join(known)}",
            )
    if not names:
        return case
    kept = tuple(variant for variant in case.variants if variant is baseline or variant.name in names)
    return case.model_copy(update={"variants": kept})
