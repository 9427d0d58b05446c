"""Auditing the runs on disk, moving them to new keys, removing those that nothing names."""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from copied import edit
from kept_runs import amend, tool

from study.integrity import damage

pytestmark = pytest.mark.long

MINE = """
import gymnasium
import numpy as np

class Mine(gymnasium.Env):
    observation_space = action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.uniform(-1, 1, 1).astype(np.float32), {}

    def step(self, action):
        return self.np_random.uniform(-1, 1, 1).astype(np.float32), -float(abs(action[0])), False, False, {}

gymnasium.register("Mine-v0", Mine, max_episode_steps=20)
"""


@pytest.fixture
def project(four_runs, tmp_path):
    return shutil.copytree(four_runs, tmp_path / "project")


def folders(project):
    return sorted(path.relative_to(project).as_posix() for path in project.glob("results/runs/*/*/*/seed*"))


def tables(project):
    """Every table of episodes: its algorithm, and what it holds."""
    return {
        path: (path.parts[-5], path.read_text()) for path in sorted(project.glob("results/runs/*/*/*/evaluation/*"))
    }


def test_runs_that_were_not_touched_have_the_same_bytes(project):
    code, said = tool(project, "audit", "--share", "1")
    assert (code, said.count("same bytes")) == (0, 4)


def test_a_number_that_was_changed_is_found(project):
    changed = {"updates": ("entropy", 1e-12), "episodes": ("return", 1e-6)}
    runs = [project / folder for folder in folders(project)]
    for folder, (table, (column, digit)) in zip(runs, changed.items(), strict=False):
        rows = pd.read_parquet(folder / f"{table}.parquet")
        rows.loc[0, column] *= 1 + digit
        rows.to_parquet(folder / f"{table}.parquet")
    code, said = tool(project, "audit", "--share", "1")
    assert (code, said.count("same bytes")) == (1, 2)
    assert all(said.count(f"{table}.parquet is damaged") == 1 for table in changed)
    for folder in runs[:2]:
        amend(folder)
    code, said = tool(project, "audit", "--share", "1")
    assert (code, said.count("DIFFERS"), said.count("same bytes")) == (1, 2, 2)


OTHER = [
    {"cpu": {"model": "another", "flags": ""}},
    pytest.param({"libc": "glibc 1"}, marks=pytest.mark.slow),
    {"versions": {"python": "3.13.1", "torch": "2.13.0+cu130"}},
    pytest.param({"versions": {"torch": "2.99.0"}}, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("other", OTHER, ids=str)
def test_bytes_come_first_and_machine_and_libraries_are_named_where_they_differ(project, other):
    folder = project / folders(project)[0]
    record = json.loads((folder / "run.json").read_text())
    versions = record["versions"] | other.get("versions", {})
    amend(folder, **other | {"versions": versions})
    code, said = tool(project, "audit", "--share", "1")
    assert (code, said.count("same bytes")) == (0, 4), "equal bytes are equal, whatever made them"
    rows = pd.read_parquet(folder / "updates.parquet")
    rows.loc[0, "entropy"] *= 1 + 1e-12
    rows.to_parquet(folder / "updates.parquet")
    amend(folder, **other | {"versions": versions})
    code, said = tool(project, "audit", "--share", "1")
    only_a_build = versions["torch"].startswith("2.13.0")
    if only_a_build and "cpu" not in other and "libc" not in other:
        assert (code, said.count("other bytes within")) == (1, 1)
    else:
        assert (code, said.count("other bytes, by another machine, library")) == (0, 1)


def test_a_change_that_changes_no_number_moves_the_runs(project):
    """With an option that the runs had not, and with their tables of episodes."""
    before, played = folders(project), tables(project)
    edit(project / "algos" / "npg.py", "F = fisher(", "F = 0\n    F = fisher(")
    edit(project / "algos" / "npg.py", "    max_kl:", "    spare: float = 2.5  #: of no use\n    max_kl:")
    code, said = tool(project, "rekey")
    assert code == 0, said
    assert "2 runs moved, 0 left" in said
    after = folders(project)
    assert len(after) == 4
    assert [path for path in after if "/pg/" in path] == [path for path in before if "/pg/" in path]
    npg = [path for path in after if "/npg/" in path]
    assert not set(npg) & set(before)
    assert all(damage(project / path) is None for path in after)
    assert all(json.loads((project / path / "run.json").read_text())["options"]["spare"] == 2.5 for path in npg)
    assert sorted(tables(project).values()) == sorted(played.values()), "they went with their runs"
    assert tool(project, "rekey") == (
        0,
        "0 runs moved, 0 left where they are\n0 tables of episodes moved, 0 left where they are\n",
    )
    assert "0 runs that no study names, 0 tables of episodes, 0 scores" in tool(project, "prune")[1]


PLAY = "rng.standard_normal(dtype=np.float32, out=noise[:episodes])"


@pytest.mark.parametrize(
    ("now", "said", "code"),
    [(f"spare = 0\n        {PLAY}", "same bytes", 0), (f"{PLAY}\n        noise *= 0.5", "other bytes", 1)],
    ids=["no number", "a number"],
)
def test_tables_of_episodes_move_where_playing_again_gives_the_same(project, now, said, code):
    runs, before = folders(project), tables(project)
    edit(project / "play" / "episodes.py", PLAY, now)
    assert tool(project, "rekey")[0] == code
    after = tables(project)
    assert folders(project) == runs and sorted(after.values()) == sorted(before.values())
    assert (set(after) & set(before) == set()) == (code == 0)


def test_a_run_on_a_task_of_ones_own_is_vouched_for_by_runs_on_that_task_alone(project):
    """Else runs on the other task would vouch for runs of the reward before."""
    (project / "my_task.py").write_text(MINE)
    with (project / "envs.yaml").open("a") as file:
        file.write('Mine: {id: "my_task:Mine-v0", random_score: 0}\n')
    edit(project / "studies.yaml", "[InvertedPendulum]", "[InvertedPendulum, Mine]")
    cell = ["--study", "tiny", "--task", "Mine", "--method", "npg", "--seed", "0"]
    subprocess.run([sys.executable, "-m", "train", *cell], cwd=project, check=True, capture_output=True)
    before = folders(project)
    edit(project / "algos" / "npg.py", "F = fisher(", "F = 0\n    F = fisher(")
    edit(project / "my_task.py", "-float(", "-2 * float(")
    code, said = tool(project, "rekey")
    assert (code, said.count("other bytes")) == (1, 1)
    assert "2 runs moved, 1 left where they are" in said
    assert [path for path in before if "/Mine/" in path] == [path for path in folders(project) if "/Mine/" in path]


def test_a_change_that_changes_a_number_moves_nothing(project):
    before = folders(project)
    edit(project / "algos" / "npg.py", "step_of_kl(F, x, cfg.max_kl)", "0.999 * step_of_kl(F, x, cfg.max_kl)")
    code, said = tool(project, "rekey")
    assert code == 1
    assert "other bytes" in said
    assert folders(project) == before


def test_prune_says_and_then_removes_what_no_study_names(project):
    edit(project / "studies.yaml", "seeds: 2", "seeds: 1")
    assert tool(project, "prune")[1].count("seed1") == 2
    assert len(folders(project)) == 4
    tool(project, "prune", "--yes")
    assert [path[-5:] for path in folders(project)] == ["seed0", "seed0"]
