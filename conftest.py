"""Hypothesis profiles, chosen by HYPOTHESIS_PROFILE; Ctrl-C as usual; what is not measured."""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from coverage import Coverage
from hypothesis import settings

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=300, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("nightly", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# A shell has what it starts in the background ignore Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests of what other tests have measured already, or of other code than framesrv.
UNMEASURED = [Path(__file__).parent / name for name in ("functional-tests", "tests/benchmarks")]


def is_measured(item: pytest.Item) -> bool:
    return not (
        item.get_closest_marker("unmeasured")
        or any(item.path.is_relative_to(folder) for folder in UNMEASURED)
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Coverage makes Python half as fast, in the processes that a test starts as well: it pauses
    while a test runs that is ``unmeasured``."""
    measuring = None if is_measured(item) else Coverage.current()
    if measuring is None:
        return (yield)
    measuring.stop()
    for_children = os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    try:
        return (yield)
    finally:
        if for_children is not None:
            os.environ["COVERAGE_PROCESS_CONFIG"] = for_children
        measuring.start()
