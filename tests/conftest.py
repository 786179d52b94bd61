"""What the tests of all rooms share."""

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans and reference meshes, ``HEMOPLAN_DATA`` or ``../shared/data`` beside the checkout."""
    folder = Path(os.environ.get("HEMOPLAN_DATA") or CHECKOUT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; HEMOPLAN_DATA names another folder")
    return folder


@pytest.fixture(scope="session")
def peer_cases(shared_data: Path) -> Path:
    """The folder of peers' 0D cases, beside the shared data."""
    folder = shared_data.parent / "peer-cases"
    if not folder.is_dir():
        pytest.skip(f"no peer cases at {folder}")
    return folder
