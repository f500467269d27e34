"""What all tests share: the real command line, run as a process of its own."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

from command_line import Mirrors, run_mirrors

settings.register_profile("unhurried", deadline=None)  # no test fails because its machine is busy
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def mirrors() -> Mirrors:
    """Return a function that runs `mirrors` with arguments and waits for its end."""
    return run_mirrors


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put modules with slow tests first, then large ones: processes that take a module each then end together."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    size = Counter(item.path for item in items)
    items.sort(key=lambda item: (-slow[item.path], -size[item.path]))
