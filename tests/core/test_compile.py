"""Graphs: compiled they compute what they compute uncompiled, are made once, and say what is wrong."""

import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from copied import copy_project

import core.compile
from core.adam import Adam
from core.compile import Graph, NotCompiled, filled, leaves
from core.rmsprop import RMSprop
from core.run import Run
from study.key import ROOT
from study.options import option_fields

pytestmark = pytest.mark.long

A, B = torch.arange(6.0).view(2, 3), torch.linspace(-1, 1, 6).view(2, 3)


def in_place(x, y):
    x.mul_(2).add_(y.exp())


@pytest.mark.slow
@pytest.mark.parametrize(
    "f",
    [lambda x, y: (x * y.tanh()).sum(), lambda x, y: (x + y, (x - y).sum(0)), in_place],
    ids=["a tensor", "a tuple", "nothing, in place"],
)
def test_a_graph_does_what_its_function_does(f):
    mine, theirs = (A.clone(), B.clone()), (A.clone(), B.clone())
    for _ in range(2):
        returned, expected = Graph(f, True)(*mine), f(*theirs)
        assert type(returned) is type(expected)
        torch.testing.assert_close((returned, mine), (expected, theirs))


class Rows(NamedTuple):
    obs: torch.Tensor
    ret: torch.Tensor


def loss(agent, x, y, rows):
    obs, ret = rows
    return ((obs @ x - ret) ** 2).mean() + (y * obs[:, 0].mean()).square().sum()


@pytest.mark.slow
@pytest.mark.parametrize("make", [Adam, partial(RMSprop, decay=0.9, eps=0.01, max_norm=0.5)])
def test_a_compiled_optimiser_moves_as_the_other_does_also_on_a_smaller_minibatch(make):
    rng, ends = np.random.default_rng(0), []
    data = [tuple(map(torch.from_numpy, (rng.normal(size=(n, 3)), rng.normal(size=n)))) for n in (8, 8, 5, 8)]
    for compiled in (False, True):
        x, y = torch.ones(3, dtype=torch.float64), torch.full((2,), 2.0, dtype=torch.float64)
        optimiser = make(SimpleNamespace(compiled=compiled), x, y)
        for rows in data:
            optimiser.descend(loss, Rows(*rows), step_size=0.1)
        ends.append((x, y))
    assert not torch.equal(ends[0][0], torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(*ends, rtol=1e-12, atol=0)


@pytest.mark.slow
def test_a_graph_takes_named_tuples_in_tuples_and_constants():
    def f(pair, scale):
        rows, z = pair
        return scale * (rows.obs.sum(1) + rows.ret) @ z

    given = (Rows(torch.ones(3, 2), torch.arange(3.0)), torch.ones(3)), 2
    assert Graph(f, True)(*given) == f(*given) == 18
    assert [len(leaf) for leaf in leaves(given)] == [3, 3, 3]
    assert filled(given, iter("abc")) == ((Rows("a", "b"), "c"), 2)


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_number_that_changes_is_refused_and_not_kept_at_its_first_value(compiled):
    graph, x = Graph(lambda x, scale: scale * x, compiled), torch.ones(2)
    assert [graph(x, 2).tolist(), graph(x, 2).tolist()] == [[2, 2], [2, 2]]
    with pytest.raises(TypeError, match="give a number that changes as one"):
        graph(x, 3)


@pytest.mark.slow
def test_rows_taken_with_a_stride_are_read_as_they_are():
    rows = torch.arange(24.0).view(8, 3)
    graph = Graph(lambda x: x.cumsum(0) + 1, True)
    for part in (rows[::2], rows[:4], rows[1::2]):
        torch.testing.assert_close(graph(part), part.cumsum(0) + 1)


def test_a_tensor_that_is_no_argument_is_refused():
    hidden = torch.ones(3)
    with pytest.raises(TypeError, match="not an argument"):
        Graph(lambda x: x + hidden, True)(torch.zeros(3))


def compile_and_count(folder, found, barrier):
    made = []
    compile_ = core.compile._compile
    core.compile.CACHE = folder
    core.compile._compile = lambda *given: (made.append(1), compile_(*given))
    barrier.wait()
    found.put((len(made), Graph(lambda x: x.sin() + 3, True)(torch.zeros(2)).tolist(), len(made)))


@pytest.mark.parametrize("many", [pytest.param(n, marks=pytest.mark.slow) for n in (3, 16)])
def test_of_runs_that_start_at_once_one_compiles_and_later_ones_load(many, tmp_path):
    spawn = multiprocessing.get_context("spawn")
    found, barrier = spawn.Queue(), spawn.Barrier(many)
    runs = [spawn.Process(target=compile_and_count, args=(tmp_path, found, barrier)) for _ in range(many)]
    for run in runs:
        run.start()
    results = [found.get(timeout=300) for _ in runs]
    for run in runs:
        run.join()
    assert [value for _, value, _ in results] == [[3.0, 3.0]] * many
    assert sorted(made for _, _, made in results) == [0] * (many - 1) + [1]
    assert not list(tmp_path.glob("tmp*")), "nothing unfinished is left"


def options(**changes):
    return {field.name: field.default for field in option_fields("npg").values()} | {"batch": 200} | changes


def test_without_a_compiler_a_run_says_so_once_and_goes_on(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    run = Run("npg", "InvertedPendulum-v4", options(compile_from=400), 400, 0)
    while run.status == "running":
        run.iterate()
    assert (run.status, run.agent.compiled) == ("finished", False)
    assert capsys.readouterr().err.count("no C++ compiler") == 1
    Run("npg", "InvertedPendulum-v4", options(compile_from=401), 400, 0)
    assert not capsys.readouterr().err, "nothing was to be compiled"


COMPILING = """
import pathlib, sys, torch, core.compile
core.compile.CACHE = pathlib.Path(sys.argv[1])
print(core.compile.Graph(lambda x: x.cos() + 5, True)(torch.zeros(2)).tolist(), torch.__file__)
"""


def compiling(cache, python=sys.executable, **env):
    command = [python, "-c", COMPILING, str(cache)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True)


BROKEN = """#!/bin/sh
[ $1 = --version ] && echo g++ 12.2.0 && exit
echo In file included from x.cpp:1:
echo x.cpp:1: error: no
exit 1
"""


@pytest.fixture
def broken(tmp_path):
    """A compiler that knows its version and nothing else."""
    path = tmp_path / "broken"
    path.write_text(BROKEN)
    path.chmod(0o755)
    return str(path)


def test_a_compiler_that_fails_is_named_with_its_first_line(broken, tmp_path):
    done = compiling(tmp_path, CXX=broken)
    assert re.search("NotCompiled: .*/broken: x.cpp:1: error: no$", done.stderr.strip())
    assert not list(tmp_path.rglob("*.so")), "and leaves nothing"


@pytest.mark.slow
def test_paths_may_hold_spaces_and_quotes_and_nothing_is_left_in_temporary_folders(tmp_path):
    project, temporary = tmp_path / "it's my project", tmp_path / "my 't m p'"
    for folder in (project, temporary):
        folder.mkdir()
    (project / ".venv").symlink_to(sys.prefix)  # as make puts it there: then torch's own path is odd, too
    env = {"TMPDIR": str(temporary), "HOME": str(temporary), "TORCHINDUCTOR_CACHE_DIR": str(temporary)}
    done = compiling(project / "work", str(project / ".venv/bin/python"), **env)
    assert done.stdout.startswith("[6.0, 6.0]"), done.stderr
    if sys.prefix != sys.base_prefix:
        assert str(project) in done.stdout, "the odd path was tried"
    assert not list(temporary.iterdir())


def test_a_place_where_nothing_can_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    done = compiling(tmp_path / "file" / "work")
    assert re.search("NotCompiled: .*Not a directory", done.stderr)


@pytest.mark.slow
def test_vectors_that_the_compiler_cannot_make_are_missed(monkeypatch, tmp_path):
    from torch._inductor import cpu_vec_isa

    monkeypatch.setattr(core.compile, "CACHE", tmp_path)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    monkeypatch.setattr(cpu_vec_isa, "valid_vec_isa_list", list)
    with pytest.raises(NotCompiled, match="does not run here"):  # else other bytes than from another compile
        Graph(lambda x: x.sin() + 7, True)(torch.zeros(2))


#: A2C has the fewest graphs to compile.
STUDY = "tiny: {tasks: [InvertedPendulum], seeds: 1, steps: 400, methods: {a2c: {compile_from: 1}}}"


def trained(project, *more, **env):
    (project / "studies.yaml").write_text(STUDY)
    shutil.rmtree(project / "results", ignore_errors=True)
    cell = ["--study", "tiny", "--task", "InvertedPendulum", "--method", "a2c", "--seed", "0"]
    command = [sys.executable, "-m", "train", *cell, *more]
    done = subprocess.run(command, cwd=project, env=os.environ | env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (record,) = [json.loads(path.read_text()) for path in project.glob("results/runs/**/run.json")]
    return done.stderr, record


@pytest.mark.slow
def test_the_first_run_of_a_kind_compiles_in_a_child_and_the_next_one_loads(broken, tmp_path):
    project = copy_project(tmp_path / "project")
    (first, made), (second, loaded) = trained(project), trained(project)
    assert first.count("compiling its updates, once for all its seeds") == 1
    assert "compiling" not in second
    assert made["compiled"] and loaded["compiled"]
    assert made["digests"] == loaded["digests"]
    if sys.platform == "linux":
        assert made["peak_memory_mb"] < 1.15 * loaded["peak_memory_mb"], "the compiler's memory was the child's"
    for graph in (project / "work/compiled").glob("*/graph"):  # now it is the run itself that has to compile
        shutil.rmtree(graph.parent)
    third, record = trained(project, CXX=broken)
    assert "compiling" not in third
    assert third.count("broken: x.cpp:1: error: no: updates run uncompiled") == 1
    assert not record["compiled"]


def test_a_run_whose_updates_cannot_be_compiled_says_so_once_and_is_one_that_is_not(broken, tmp_path):
    project = copy_project(tmp_path / "project")
    said, record = trained(project, CXX=broken)
    assert said.count("warning: ") == said.count(f"warning: {broken}: x.cpp:1: error: no: updates run uncompiled") == 1
    assert "Traceback" not in said
    _, uncompiled = trained(project, "--set", "compile_from=401")
    assert (record["compiled"], record["compiler"], record["options"]["compile_from"]) == (False, None, 1)
    assert record["digests"] == uncompiled["digests"]
