from __future__ import annotations

import pickle

import pytest

from hemoplan import errors
from hemoplan.errors import BoundaryError, HemoplanError


def test_all_parts_read_as_sentences() -> None:
    error = BoundaryError(
        "the compliance is negative",
        where="outlets.arm",
        value=-0.1,
        expected="a positive number",
        remedy="correct the case file",
    )
    assert str(error) == (
        "[outlets.arm] the compliance is negative (value: -0.1); "
        "expected a positive number. Correct the case file"
    )
    assert str(HemoplanError("it stopped")) == "it stopped"
    assert "(value: 0)" in str(HemoplanError("nothing there", value=0))


def test_errors_travel_between_ranks() -> None:
    error = BoundaryError("wrong", where="here", value=3, remedy="mend it")
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, BoundaryError)
    assert str(copy) == str(error)
    assert (copy.what, copy.where, copy.value, copy.remedy) == ("wrong", "here", 3, "mend it")


@pytest.mark.parametrize("name", [name for name in dir(errors) if name.endswith("Error")])
def test_every_error_has_an_exit_code_that_is_not_success(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, HemoplanError)
    assert 0 < kind.exit_code < 126
    assert kind.__doc__
