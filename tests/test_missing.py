"""Without a package of the system its tests are skipped, and the last line says so; or they fail, where asked to."""

import os
import re
import subprocess
import sys

import pytest
from packages import SLURM, TESTS, find

from study.plan import ROOT

pytestmark = pytest.mark.long

TEST = """
import pytest
from missing import need

@pytest.fixture
def browser():
    need("chromium", "chromedriver")

@pytest.mark.needs("rsync")
@pytest.mark.parametrize("n", range(3))
def test_by_its_mark(n): pass

def test_by_its_fixture(browser): pass
def test_of_nothing(): pass
def test_of_another_kind(): pytest.skip("the machine is another")
"""


def output(folder, *arguments, **environment):
    """The tests above, where no command of the list is: exit status, and lines of the output."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "test_some.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "missing", "-p", "no:cacheprovider", *arguments]
    environment = {"PYTHONPATH": str(ROOT / "tests/support"), "PATH": str(folder / "bin")} | environment
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "STEPSIZE_"))}
    done = subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("processes", ["0", "2"])
def test_the_last_line_says_how_many_and_what_to_install(tmp_path, processes):
    code, lines = output(tmp_path, "-n", processes)
    assert code == 0
    assert re.search(r"1 passed, 5 skipped", lines[-2])
    remedy = "`make test-deps` installs what is missing (Debian, as root)"
    assert lines[-1] == f"4 skipped for want of chromedriver, chromium, rsync: {remedy}"


def test_where_all_is_there_no_line_says_so(tmp_path):
    (tmp_path / "bin").mkdir()
    for name in ("chromium", "chromedriver", "rsync"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / name).chmod(0o755)
    code, lines = output(tmp_path)
    assert code == 0
    assert re.search(r"5 passed, 1 skipped", lines[-1])


def test_where_nothing_may_be_skipped_it_fails(tmp_path):
    code, lines = output(tmp_path, STEPSIZE_SKIP_NOTHING="1")
    assert code == 1
    assert re.search(r"1 passed, 1 skipped, 4 errors", lines[-1])
    assert sum("not on this system: rsync; STEPSIZE_SKIP_NOTHING=1 allows no skipping" in line for line in lines) >= 3


def test_what_is_missing_is_printed_by_its_package(tmp_path):
    def printed(*arguments):
        command = [sys.executable, ROOT / "tests/support/packages.py", *arguments]
        done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert set(printed()) >= {TESTS[name] for name in ("chromium", "git", "rsync", "qemu-x86_64")}
    assert set(printed("slurm")) <= set(SLURM.values())
    (tmp_path / "google-chrome").symlink_to(sys.executable)
    assert "chromium" not in printed() and "chromium-driver" in printed()
    assert find("libno-such-thing.so.1") is None or sys.platform != "linux"
