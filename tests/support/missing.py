"""A test whose system package is missing is skipped, and the last line of the output says so.

A test says what it needs by the mark ``needs``, a fixture by :func:`need`, in names of ``packages.py``. With
STEPSIZE_SKIP_NOTHING=1 what is missing is a failure.
"""

import os
import re

import pytest
from packages import TESTS, find

MISSING = "not on this system: "
REMEDY = "`make test-deps` installs what is missing (Debian, as root)"


def need(*names: str) -> None:
    """Skip the test unless all of them are there."""
    assert set(names) <= TESTS.keys(), "names of the list"
    missing = ", ".join(name for name in names if find(name) is None)
    if missing and os.environ.get("STEPSIZE_SKIP_NOTHING") == "1":
        pytest.fail(f"{MISSING}{missing}; STEPSIZE_SKIP_NOTHING=1 allows no skipping. {REMEDY}", pytrace=False)
    if missing:
        pytest.skip(f"{MISSING}{missing}")


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(names): commands or libraries of packages.py; skipped without")


def pytest_runtest_setup(item):
    for mark in item.iter_markers("needs"):
        need(*mark.args)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    """Around pytest's own, which ends with its count."""
    result = yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")  # not in the processes of xdist
    skipped = reporter.stats.get("skipped", ()) if reporter else ()
    found = [match[1] for report in skipped if (match := re.search(f"{MISSING}(.*)", str(report.longrepr[-1])))]
    if found:
        names = sorted({name for missing in found for name in missing.split(", ")})
        reporter.write_line(f"{len(found)} skipped for want of {', '.join(names)}: {REMEDY}", yellow=True)
    return result
