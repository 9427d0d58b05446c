"""Runs of several machines or libraries in one study are said to be."""

import pytest
from made_up import made, tables, words

from analysis.data.mixed import mixed
from analysis.figures.curves import draw
from study.record import release
from train.provenance import provenance

RECORD = {
    "algo": "npg",
    "compiled": True,
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
    "cpu": {"model": "AMD EPYC", "flags": "25fc"},
    "libc": "glibc 2.36",
    "overrides": {},
    "threads": 1,
    "lock": "dd45886e9bd9",
}


def test_equal_runs_and_runs_that_record_less_are_not_mixed():
    less = {name: value for name, value in RECORD.items() if name not in ("libc", "overrides", "threads")}
    assert mixed([RECORD, RECORD, less]) == ""
    cem = {"algo": "cem", "compiled": False}
    assert mixed([RECORD, RECORD | cem]) == "", "CEM is never compiled"


@pytest.mark.parametrize(
    "change",
    [
        {"versions": {"python": "3.11.7", "torch": "2.13.0+cpu"}},
        {"versions": {"python": "3.11.13+", "torch": "2.13.0+cu130"}},
        {"lock": "0123456789ab"},
    ],
    ids=["build", "patch", "lock"],
)
def test_what_gives_the_same_bytes_is_not_mixed(change):
    """Another build of a release, another patch of Python, another lock whose packages are the same."""
    assert mixed([RECORD, RECORD | change, RECORD]) == ""


def test_a_release_is_a_version_without_its_build():
    assert release("torch", "2.13.0+cpu") == release("torch", "2.13.0") == "2.13.0" != release("torch", "2.13.1+cpu")
    assert release("python", "3.11.7") == release("python", "3.11.13") == "3.11" != release("python", "3.1.1")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"versions": {"python": "3.11.7", "torch": "2.14.0"}}, "torch 2.13.0 (2 runs), 2.14.0 (1 run)"),
        ({"versions": {"python": "3.13.1", "torch": "2.13.0+cpu"}}, "python 3.11 (2 runs), 3.13 (1 run)"),
        (
            {"cpu": {"model": "X", "flags": "e"}},
            "cpu model AMD EPYC flags 25fc (2 runs), model X flags e (1 run)",
        ),
        ({"libc": "glibc 2.41"}, "libc glibc 2.36 (2 runs), glibc 2.41 (1 run)"),
        ({"compiled": False}, "updates of npg compiled (2 runs), not compiled (1 run)"),
        ({"overrides": {"MKL_CBWR": "AVX2"}}, "overrides none (2 runs), MKL_CBWR AVX2 (1 run)"),
        ({"threads": 2}, "threads 1 (2 runs), 2 (1 run)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_differs_is_named_and_counted(change, said):
    assert mixed([RECORD, RECORD | change, RECORD]) == said


def test_all_that_a_run_records_of_its_machine_is_compared():
    facts = provenance(compiled=True)
    assert facts.pop("lock"), "which says what should be installed"
    for name, value in facts.items():
        other = {"compiled": False, "versions": dict.fromkeys(RECORD["versions"], "other")}.get(name, {"x": "other"})
        assert mixed([RECORD | {name: value}, RECORD | {name: other}]), name


def test_it_stands_under_the_figure():
    study, said = made({"trpo": {}}, ["Hopper"]), "torch 1 (3 runs), 2 (1 run)"
    text = " ".join(" ".join(words(draw(study, tables(study, mixed=said)))).split())
    assert f"not of one machine and one set of libraries: {said}." in text
