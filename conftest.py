"""Hypothesis profiles, chosen by HYPOTHESIS_PROFILE; Ctrl-C as usual; what is not measured."""

import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any

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

# Coverage makes Python half as fast. So it pauses in tests of what other tests have measured
# already, or of other code than framesrv; and in each property, once it has seen some examples.
UNMEASURED = [Path(__file__).parent / name for name in ("functional-tests", "tests/benchmarks")]
EXAMPLES_MEASURED = 50


@contextmanager
def measuring() -> Iterator[Callable[[], None]]:
    """What pauses coverage, here and in processes that are started, until the block ends."""
    coverage = Coverage.current()

    def pause() -> None:
        if coverage is not None and Coverage.current() is coverage:
            coverage.stop()
            os.environ.pop("COVERAGE_PROCESS_CONFIG", None)

    try:
        yield pause
    finally:
        if coverage is not None and Coverage.current() is not coverage:
            coverage.start()  # which sets the variable, too


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with measuring() as pause:
        if item.get_closest_marker("unmeasured") or any(map(item.path.is_relative_to, UNMEASURED)):
            pause()
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A property's examples are calls of its ``inner_test``."""
    handle = getattr(pyfuncitem.obj, "hypothesis", None)
    if handle is None:
        return (yield)
    inner, examples = handle.inner_test, count(1)
    with measuring() as pause:

        @wraps(inner)
        def one(*args: Any, **kwargs: Any) -> Any:
            if next(examples) > EXAMPLES_MEASURED:
                pause()
            return inner(*args, **kwargs)

        handle.inner_test = one
        try:
            return (yield)
        finally:
            handle.inner_test = inner
