"""The contract of docs/determinism.md: no draw from a global generator, and equal runs are equal bytes."""

import ast
import hashlib
import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from small_runs import BUDGET, SMALL, cell, defaults, trained

import core.compile
from core.run import Run
from study.options import algorithms
from study.plan import ROOT

#: What of numpy.random makes a generator of one's own; all else there draws from the global one.
OWN = {"Generator", "BitGenerator", "SeedSequence", "default_rng", "PCG64"}
#: Functions of torch and methods of tensors that draw from the global generator unless they are given one.
TORCH = {"rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson", "binomial"}
TORCH |= {f"{name}_like" for name in ("rand", "randn", "randint")} | {"dropout", "rrelu", "gumbel_softmax"}
METHODS = {"normal_", "uniform_", "random_", "bernoulli_", "exponential_", "cauchy_", "geometric_", "log_normal_"}
SEEDING = {"seed", "manual_seed", "set_rng_state", "get_rng_state", "initial_seed", "fork_rng"}
MODULES = {"random", "secrets", "uuid"}
#: Wall clocks: numbers must not depend on them (``time.perf_counter`` cannot go backwards).
CLOCKS = {"time.time", "time.time_ns", "datetime.now", "datetime.datetime.now", "os.urandom"}

#: What keeps the generators of tasks, or puts the global ones back after a trial, and draws from none of them.
OF_TASKS = {
    "state": {"random", "numpy.random.RandomState"},
    "restore": {"random", "numpy.random.RandomState"},
    "trial": {
        "random",
        "numpy.random.get_state",
        "numpy.random.set_state",
        "torch.get_rng_state",
        "torch.set_rng_state",
    },
}


def draws(source):
    """What in a module's source draws, or could draw, other than from a generator it was given; or reads a clock."""
    found, tree = [], ast.parse(source)
    imports = [alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    known_as = {alias.asname: alias.name for alias in imports if alias.asname}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = known_as.get(node.id, node.id)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            names = [f"{module}.{a.name}" if module else a.name for a in node.names]
            found += [n for n in names if n.split(".")[0] in MODULES or n.startswith(("numpy.random", "torch.nn.init"))]
            found += [n for n in names if n in CLOCKS or n.removeprefix("torch.") in TORCH | SEEDING]
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            owner, _, last = name.rpartition(".")
            if owner == "numpy.random" and last not in OWN:
                found.append(name)
            if name in CLOCKS or name.startswith(("torch.nn.init", "torch.distributions")):
                found.append(name)
            if owner in ("torch", "torch.random") and last in SEEDING:
                found.append(name)
            if last == "sample" and owner.endswith("_space"):  # Gymnasium seeds it by itself
                found.append(name)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            owner, _, last = name.rpartition(".")
            given = {keyword.arg for keyword in node.keywords}
            if last in METHODS or (owner.split(".")[0] in ("torch", "F") and last in TORCH):
                found += [name] * ("generator" not in given)
            if last == "default_rng" and not (node.args or given):
                found.append(f"{name}() without a seed")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "from random import shuffle",
        "from numpy.random import rand",
        "from torch import randn",
        "import numpy as np\nx = np.random.standard_normal(3)",
        "import numpy as np\nf = np.random.rand",
        "import numpy\nnumpy.random.seed(0)",
        "import torch as t\nx = t.randn(3)",
        "rng = np.random.default_rng()",
        "torch.manual_seed(0)",
        "x = torch.randn(3)",
        "x = torch.rand_like(y)",
        "x = torch.empty(3).normal_()",
        "y = torch.nn.functional.dropout(x)",
        "torch.nn.init.orthogonal_(w)",
        "a = torch.distributions.Normal(m, s).sample()",
        "a = env.action_space.sample()",
        "seed = time.time()",
        "from time import time",
        "x = os.urandom(4)",
    ],
)
def test_a_draw_from_a_global_generator_is_seen(source):
    assert draws(source)


@pytest.mark.parametrize(
    "source",
    [
        "rng = np.random.default_rng(seed)",
        "def f(rng: np.random.Generator): return rng.permutation(3)",
        "x = torch.randn(3, generator=g)",
        "roll = sample(agent, envs, 3)",
        "x.zero_(); t = time.perf_counter()",
    ],
)
def test_a_draw_from_a_generator_of_ones_own_is_not(source):
    assert not draws(source)


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("core/*.py"), *ROOT.glob("algos/*.py")]), ids=lambda p: f"{p.parent.name}/{p.name}"
)
def test_no_module_draws_from_a_global_generator_or_reads_a_wall_clock(path):
    assert set(draws(path.read_text(encoding="utf-8"))) == OF_TASKS.get(path.stem, set())


def states():
    """The global generators."""
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002


#: Compiled updates take a while to make; those of this one are made for other tests, too. The rest is slow.
QUICK = "ppo_clip"

#: A process that makes a short run of each algorithm and writes it into a folder of its own.
PROCESS = f"""
import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests/support")!r}]
from pathlib import Path
import core.compile
from train.files import write_run
from small_runs import SMALL, cell, trained
compiled, compile_from, *algos = sys.argv[1:]
core.compile.CACHE = Path(compiled)
for algo in algos:
    where = cell(algo, envs=4, compile_from=int(compile_from), **SMALL.get(algo, {{"batch": 256}}))
    write_run(Path(algo), trained(where), where, 0, wall_seconds=1.0, commit=None)
"""


def twice(folder, algos, compiled):
    """Digests of what two processes write of these algorithms' runs, by file."""
    written = []
    for hashing in ("1", "2"):  # the order of Python's sets of strings differs between the two
        place = folder / hashing
        place.mkdir()
        command = [sys.executable, "-c", PROCESS, core.compile.CACHE, "1" if compiled else "1000000", *algos]
        subprocess.run(command, cwd=place, env=os.environ | {"PYTHONHASHSEED": hashing}, check=True)
        files = [file for file in place.rglob("*") if file.suffix in (".parquet", ".safetensors")]
        digests = {str(f.relative_to(place)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
        assert len(digests) == 3 * len(algos)
        written.append(digests)
    return written


@pytest.mark.long
def test_two_processes_write_the_same_bytes(tmp_path):
    one, other = twice(tmp_path, algorithms(), compiled=False)
    assert one == other


quick_or_slow = pytest.mark.parametrize(
    "algo", [algo if algo == QUICK else pytest.param(algo, marks=pytest.mark.slow) for algo in algorithms()]
)


@pytest.mark.long
@quick_or_slow
def test_a_compiled_update_is_the_uncompiled_one_but_for_rounding(algo):
    batch = SMALL.get(algo, {"batch": 256})
    ends = []
    for compile_from in (1, 10**6):
        options = defaults(algo, envs=4, compile_from=compile_from, **batch)
        run = Run(algo, "InvertedPendulum-v4", options, BUDGET, seed=0)
        before = run.agent.theta.clone(), run.agent.phi.clone()
        while not run.updates:
            run.iterate()
        ends.append((run.agent.theta, run.agent.phi, run.updates))
    assert not torch.equal(ends[0][0], before[0])
    for one, other, start in zip(ends[0][:2], ends[1][:2], before, strict=True):
        torch.testing.assert_close(one - start, other - start, rtol=0.01, atol=1e-5)
    assert ends[0][2][0] == pytest.approx(ends[1][2][0], rel=0.01, abs=1e-4, nan_ok=True)


@pytest.mark.long
@quick_or_slow
def test_two_processes_with_compiled_updates_do_too(algo, tmp_path):
    one, other = twice(tmp_path, [algo], compiled=True)
    assert one == other


@pytest.mark.long
@quick_or_slow
def test_a_compiled_run_leaves_the_global_generators_alone(algo):
    where = cell(algo, envs=4, compile_from=1, **SMALL.get(algo, {"batch": 256}))
    before = states()
    run = trained(where)
    assert run.updates and run.agent.compiled == (algo != "cem"), "CEM has nothing to compile"
    assert states() == before
