"""What is installed: the two locks, what the sources import, environment.yml and the Makefile's rules."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sources import SOURCES, imports_of

from study.plan import ROOT
from tools.lock import CUDA, DEV, LOCK, pins

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DEPENDENCIES = {LOCK: PROJECT["project"]["dependencies"], DEV: PROJECT["dependency-groups"]["dev"]}
SYSTEMS = [("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64"), ("darwin", "Darwin", "arm64")]
INDEX = "https://download.pytorch.org/whl/cpu"


def pinned(name):
    """The versions of a lock by package."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if "==" in line]
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines}


def needed(wanted, sys_platform, platform_system, platform_machine):
    """All packages that ``wanted`` need on a system, by what is installed here."""
    where = {"sys_platform": sys_platform, "platform_system": platform_system, "platform_machine": platform_machine}
    found, ahead = set(), [(Requirement(text), "") for text in wanted]
    while ahead:
        one, extra = ahead.pop()
        if one.marker and not one.marker.evaluate(where | {"extra": extra}):
            continue
        for asked in {"", *one.extras}:
            if (canonicalize_name(one.name), asked) not in found:
                found.add((canonicalize_name(one.name), asked))
                try:
                    ahead += [(Requirement(text), asked) for text in requires(one.name) or []]
                except PackageNotFoundError:  # of another system: its name is enough
                    continue
    return {name for name, _ in found if not name.startswith(CUDA)} - {"setuptools"}  # of every environment


def test_a_lock_is_pins_and_nothing_else():
    for name in (LOCK, DEV):
        lines = [line for line in (ROOT / name).read_text().splitlines() if line[0] != "#"]
        if name == DEV:
            assert lines.pop(0) == f"-r {LOCK}"
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), "no index, hash, build or marker"
        assert not any(line.startswith(CUDA) for line in lines)
        assert len(pinned(name)) == len(lines)
    assert not pinned(LOCK).keys() & pinned(DEV).keys()


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: "-".join(system[1:]))
def test_the_locks_have_all_that_runs_and_tests_need_on_each_system(system):
    runs = needed(DEPENDENCIES[LOCK], *system)
    assert runs <= pinned(LOCK).keys()
    assert needed(DEPENDENCIES[DEV], *system) - runs <= pinned(DEV).keys()
    if system == SYSTEMS[0]:
        assert runs == pinned(LOCK).keys(), "and no more: a package of the tests is in no user's environment"


def test_the_locks_are_of_the_versions_that_pyproject_allows():
    for name, wanted in DEPENDENCIES.items():
        for one in map(Requirement, wanted):
            assert one.specifier.contains(pinned(name)[canonicalize_name(one.name)]), (name, str(one))
    assert pinned(LOCK)["torch"] == "2.13.0"
    assert int(pinned(LOCK)["pandas"].split(".")[0]) < 3


def test_what_runs_import_is_in_their_lock():
    ours = {path.parts[len(ROOT.parts)] for path in SOURCES}
    of = packages_distributions()
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] in ("tests", "benchmarks"):
            continue
        for top in {name.split(".")[0] for name in imports_of(path)} - ours - sys.stdlib_module_names:
            assert {canonicalize_name(name) for name in of[top]} & pinned(LOCK).keys(), (path, top)


def test_of_what_is_installed_a_lock_names_what_all_systems_have():
    frozen = "numpy==2.4.6\ntorch==2.13.0+cpu\nmine @ file:///mine\nnvidia-nccl-cu13==2.28\ntriton==3.7.0\n"
    assert pins(frozen) == ["numpy==2.4.6", "torch==2.13.0"]


def test_environment_yml_takes_its_pins_from_the_lock():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert {"pip": [f"-r {LOCK}"]} in conda["dependencies"]
    (python,) = [d.removeprefix("python=") for d in conda["dependencies"] if str(d).startswith("python=")]
    assert PROJECT["project"]["requires-python"] == f">={python}"


def commands(folder, *arguments):
    """How ``make`` would install, in a checkout without an environment."""
    for name in ("Makefile", LOCK, DEV):
        shutil.copy(ROOT / name, folder)
    command = ["make", "-n", f"PYTHON={sys.executable}", *arguments]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "TORCH_INDEX"))}
    said = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True).stdout
    return [line.partition("-m pip install ")[2] for line in said.splitlines() if "pip install" in line]


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
def test_make_installs_what_its_target_needs_and_torch_from_the_index_that_is_named(tmp_path):
    quiet = "--quiet --disable-pip-version-check"
    runs, tests = f"{quiet} -r {LOCK}", f"{quiet} -r {DEV}"
    for target in ("quick", "figures", "watch", "audit"):
        assert commands(tmp_path, target) == [runs], target
    for target in ("test", "lint"):
        assert commands(tmp_path, target) == [runs, tests], target
    torch, *rest = commands(tmp_path, "test", f"TORCH_INDEX={INDEX}")
    assert torch == f"{quiet} --no-deps --index-url '{INDEX}' $(grep '^torch==' {LOCK})"
    assert rest == [runs, tests], "the rest comes from where pip takes all else"


def test_readme_names_the_index_in_its_first_command():
    first = (ROOT / "README.md").read_text(encoding="utf-8").partition("```sh\n")[2].splitlines()[0]
    assert first.startswith(f"make quick TORCH_INDEX={INDEX}")
