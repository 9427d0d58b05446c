"""What can go wrong in the numbers of a run ends it as diverged, or does not matter; it never crashes it."""

import gymnasium
import numpy as np
import pandas as pd
import pytest
import torch
from small_runs import SMALL, defaults, finish

from analysis.data.tables import learning_curve, score
from core.run import Run
from study.cells import Cell, Method
from study.integrity import damage
from study.options import KINDS, WHOLE, algorithms, option_fields
from train.files import update_rows, write_run

STEPS = 900
FROM = 500  #: the step at which a fault begins, when some updates have been made
FAULTS = {
    "reward NaN": {"rew": np.nan},
    "reward inf": {"rew": np.inf},
    "reward -inf": {"rew": -np.inf},
    "reward too large for float32": {"rew": 1e300},
    "reward whose square is too large": {"rew": 1e30},
    "observation NaN": {"obs": np.nan},
    "observation inf": {"obs": np.inf},
}


class Faulty(gymnasium.Env):
    """The reward is −a² until a fault begins, in steps of all copies; it may be 0 (``flat``)."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    action_space = gymnasium.spaces.Box(-4.0, 4.0, (1,))
    steps = 0

    def __init__(self, rew=None, obs=None, flat=False):
        self.rew, self.obs, self.flat = rew, obs, flat

    def _observe(self):
        given = self.obs if self.obs is not None and Faulty.steps > FROM else None
        return self.np_random.uniform(-1, 1, 1) if given is None else np.full(1, given)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._observe(), {}

    def step(self, action):
        Faulty.steps += 1
        rew = 0.0 if self.flat else -float(action[0] ** 2)
        return self._observe(), self.rew if self.rew is not None and Faulty.steps > FROM else rew, False, False, {}


for _name, _kwargs in {**FAULTS, "flat": {"flat": True}, "sound": {}}.items():
    _id = f"{''.join(w.title() for w in _name.replace('-', 'Minus').replace('.', '').split())}-v0"
    gymnasium.register(_id, Faulty, max_episode_steps=10, kwargs=_kwargs)
    FAULTS[_name] = _id
gymnasium.register("Endless-v0", Faulty)
FLAT, SOUND = FAULTS.pop("flat"), FAULTS.pop("sound")

every_algorithm = pytest.mark.parametrize("algo", algorithms())


def fresh(algo, task_id, **changes):
    Faulty.steps = 0
    small = {"envs": 4, **SMALL.get(algo, {"batch": 128})}
    return Run(algo, task_id, defaults(algo, **small | changes), STEPS, 0)


def kept(run, folder):
    """What the run writes, read back: its episodes, its updates."""
    method = Method(type(run.cfg).__module__.removeprefix("algos."), "npg", {}, "", None)
    write_run(folder, run, Cell("T", "T-v0", method, STEPS, (0,)), 0, wall_seconds=1.0, commit=None)
    assert damage(folder) is None
    return pd.read_parquet(folder / "episodes.parquet"), pd.read_parquet(folder / "updates.parquet")


@every_algorithm
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.filterwarnings("ignore:.*encountered in.*:RuntimeWarning")
def test_a_task_that_gives_no_numbers_ends_the_run_as_diverged(algo, fault, tmp_path):
    run = finish(fresh(algo, FAULTS[fault]))
    if fault == "reward whose square is too large":
        stands = algo in ("a2c", "a2c_trust_region", "cem")  # RMSprop gets a gradient of bounded norm
        assert run.status == ("finished" if stands else "diverged")
        assert stands or ".second" in run.wrong, "Adam would stand still for ever"
    else:
        assert run.status == "diverged" or (algo == "cem" and "large" in fault), "CEM only orders the returns"
    episodes, updates = kept(run, tmp_path)
    assert len(updates) == len(update_rows(run.updates)) >= 1, "the rows before the fault are kept"
    assert episodes["length"].sum() == run.envs.steps


@every_algorithm
@pytest.mark.parametrize("log_std", [1000.0, -1000.0])
@pytest.mark.filterwarnings("ignore:.*encountered in.*:RuntimeWarning")
def test_a_log_std_that_ran_away_ends_the_run_as_diverged(algo, log_std, tmp_path):
    run = fresh(algo, SOUND)
    run.iterate()
    run.agent.theta[-1] = log_std
    finish(run)
    assert run.status == ("finished" if algo == "cem" else "diverged"), "CEM acts without noise"
    assert len(kept(run, tmp_path)[1]) >= 1


@every_algorithm
def test_a_gradient_of_zero_moves_nothing_and_harms_nothing(algo):
    run = fresh(algo, FLAT)
    run.agent.phi.zero_()  # V = 0 is right: all advantages are 0
    before = run.agent.theta.clone()
    finish(run)
    assert run.status == "finished"
    if algo not in ("cem", "a2c", "a2c_trust_region"):  # these have noise, and an entropy bonus
        assert torch.equal(run.agent.theta, before)


@pytest.mark.parametrize(
    ("algo", "options"), [*((algo, {}) for algo in algorithms()), ("pg", {"critic": False})], ids=str
)
def test_an_episode_that_never_ends_spends_the_budget_and_is_cut(algo, options, tmp_path):
    run = finish(fresh(algo, "Endless-v0", **options))
    assert (run.status, run.envs.steps) == ("finished", STEPS)
    episodes, updates = kept(run, tmp_path)
    assert set(episodes["end"]) == {"cut"}
    assert len(updates) == len(update_rows(run.updates))
    assert (len(updates) == 0) == (algo == "cem" or options != {}), "where whole episodes are needed there is no update"
    whole = episodes[episodes["end"] != "cut"]
    assert np.isnan(score(whole))
    assert learning_curve(whole, STEPS)["return"].isna().all()


EXTREMES = [
    (algo, name, value)
    for algo in algorithms()
    for name, field in option_fields(algo).items()
    if field.type in KINDS and name not in ("compile_from", "envs", "batch")
    for value in ((1,) if field.type in WHOLE else (KINDS[field.type][0], min(KINDS[field.type][1], 1e30)))
    if (algo, name) not in {("trpo_vine", "actions"), ("cem", "population")}  # 2 at least
]


@pytest.mark.slow
@pytest.mark.parametrize(("algo", "name", "value"), EXTREMES)
@pytest.mark.filterwarnings("ignore:.*encountered in.*:RuntimeWarning")
def test_no_value_of_an_option_that_is_allowed_crashes_a_run(algo, name, value, tmp_path):
    run = finish(fresh(algo, SOUND, **{name: value}))
    assert run.status in ("finished", "diverged")
    kept(run, tmp_path)
