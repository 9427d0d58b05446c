"""Numbers at the edge of what float32 holds, and of what a rule is made for: the exact value, or a bound."""

import copy
import math

import numpy as np
import pytest
import safetensors.torch
import torch
from small_runs import cell, defaults, finish, trained

from algos import pg_adaptive, ppo_clip, ppo_kl
from core import rollout
from core.agent import spaced
from core.errors import UsageError
from core.objective import diagnose, gain_and_kl, surrogate
from core.run import Run
from play.policy import actor
from study.options import option_fields
from train import checkpoint
from train.files import update_rows, write_run

IDENTITY = {"key": "k", "seed": 0}


def moved(batch, row, log_ratio, adv):
    """The batch, with this advantage at ``row``, and as if θ had moved there by ``log_ratio`` since."""
    moved = copy.copy(batch)
    moved.logp, moved.adv = batch.logp.clone(), batch.adv.clone()
    moved.logp[row] -= log_ratio
    moved.adv[row] = adv
    return moved


@pytest.fixture
def unscaled(monkeypatch):
    """Advantages stay as they are given: a row's can then be exactly 0."""
    for module in (ppo_clip, ppo_kl):
        monkeypatch.setattr(module, "standardise", lambda adv: adv)


def first_gradient(module, agent, batch, **options):
    """∇θ of the first step, from Adam's first moment."""
    agent = copy.deepcopy(agent)
    cfg = module.Config(epochs=1, minibatch=len(batch.obs), **options)
    state = module.init(agent, cfg)
    module.update(agent, batch, cfg, state)
    return state["adam"].first[0]


def without(batch, row):
    """The batch without that row; a mean over it is n/(n − 1) times as much."""
    kept = [k for k in range(len(batch.obs)) if k != row]
    names = ("obs", "act", "logp", "val", "adv", "ret")
    less = copy.copy(batch)
    for name in names:
        setattr(less, name, getattr(batch, name)[kept])
    less.old = batch.old._replace(mean=batch.old.mean[kept])
    return less


@pytest.mark.parametrize(
    ("module", "log_ratio", "adv"),
    [
        *((ppo_clip, far, 2.0) for far in (88.0, 88.8, 1e4)),
        (ppo_clip, 1e4, 0.0),
        (ppo_kl, 1e4, 0.0),
        (ppo_kl, 60.0, 0.0),
    ],
)
def test_a_step_that_cannot_pull_leaves_the_gradient_of_the_others(learner, unscaled, module, log_ratio, adv):
    agent, batch = learner()
    options = {"beta": 0.0} if module is ppo_kl else {}
    found = first_gradient(module, agent, moved(batch, 7, log_ratio, adv), **options)
    others = first_gradient(module, agent, without(batch, 7), **options)
    assert others.any()
    torch.testing.assert_close(found, others * (199 / 200), rtol=1e-4, atol=1e-7)


def test_a_step_that_ought_to_be_undone_still_pulls_with_all_its_ratio(learner, unscaled):
    agent, batch = learner()
    pull = [first_gradient(ppo_clip, agent, moved(batch, 7, far, -2.0)).norm().item() for far in (20.0, 40.0)]
    assert pull[1] / pull[0] == pytest.approx(math.exp(20), rel=1e-3)
    beyond = first_gradient(ppo_clip, agent, moved(batch, 7, 1e4, -2.0))
    assert beyond.isfinite().all() and not beyond.square().isfinite().all(), "Adam's second moment: it diverges"


def test_a_step_without_advantage_counts_nothing_however_far_it_went(learner):
    agent, batch = learner()
    far, near = moved(batch, 7, 1e4, 0.0), moved(batch, 7, 0.0, 0.0)
    found = []
    for each in (far, near):
        steps, after = each.steps(each.adv), diagnose(agent, each, each.adv)["surr_after"]
        numbers = [
            agent.graph(surrogate)(agent.theta, steps),
            agent.graph(gain_and_kl)(agent.theta, steps, each.old)[0],
        ]
        found.append([*numbers, agent.gradient(surrogate)(agent.theta, steps), after])
    torch.testing.assert_close(*found, rtol=0, atol=0)


@pytest.mark.parametrize("d", [0.0, 5.0])
@pytest.mark.parametrize("start", [0.0, 1.0, 2.0**-39, 2.0**39])
def test_beta_stays_within_what_float32_holds_and_comes_back(d, start):
    beta = start
    for _ in range(300):
        beta = ppo_kl.adapt(beta, d, 0.01)
    assert beta == (2.0**40 if d else 2.0**-40)
    assert 0 < torch.tensor(beta).square().item() < math.inf
    assert ppo_kl.adapt(beta, 5.0 - d, 0.01) == (beta / 2 if d else beta * 2)


@pytest.mark.parametrize(("d", "end"), [(0.0, 1.0), (5.0, 1e-8)])
def test_an_adaptive_step_size_stays_between_a_rounding_of_theta_and_theta(d, end):
    step_size = 1e-3
    for _ in range(300):
        step_size = pg_adaptive.adapt(step_size, d, 2e-3)
    assert step_size == end


@pytest.mark.parametrize("envs", [1, 2, 3, 4, 5, 6, 8, 10, 12])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 10])
def test_every_nth_row_comes_from_all_environments_alike(n, envs):
    rows = 4 * n * envs
    taken = np.arange(rows)[spaced(rows, n, envs)]
    seen = np.bincount(taken % envs, minlength=envs)
    assert len(taken) == rows // n
    assert (seen == 4).all(), "each as often as any other"
    assert len(set(taken)) == len(taken) and (np.diff(taken) > 0).all()
    if math.gcd(n, envs) == 1:
        assert taken.tolist() == list(range(0, rows, n))
    for cut in (1, n + 1, 3 * n):
        part = np.arange(cut)[spaced(cut, n, envs)]
        assert len(part) >= 1 and part.tolist() == [row for row in taken if row < cut]


@pytest.mark.parametrize(("envs", "n"), [(2, 4), (4, 2), (2, 5)])
def test_the_fisher_matrix_is_of_all_environments(start, envs, n):
    agent, copies = start(envs=envs)
    batch = rollout.make_batch(agent, rollout.sample(agent, copies, 40), 0.99, 0.95)
    assert batch.envs == envs
    of = {tuple(row.tolist()): k % envs for k, row in enumerate(batch.obs)}
    assert {of[tuple(row.tolist())] for row in batch.every(n)} == set(range(envs))


class Kept:
    """An object in a state, as Adam is one."""

    def __init__(self):
        self.values = [torch.zeros(2), {"inner": 0.5}]
        self._private = math.nan


def npg(**options):
    return Run("npg", "InvertedPendulum-v4", defaults("npg", batch=128, envs=4, **options), 1024, 0)


def test_numbers_of_numpy_in_rows_and_state_are_kept_and_come_back(tmp_path):
    runs = [npg(), npg()]
    for run in runs:
        update = run._update
        run._update = lambda *given, update=update: update(*given) | {"f": np.float64(0.5), "n": np.int32(3)}
    run, again = runs
    run.iterate()
    run.state |= {"f": np.float64(2.5), "b": np.bool_(True), "by": {np.int64(3): [np.float32(1.5)]}}
    checkpoint.save(run, tmp_path / "c", IDENTITY, {})
    assert checkpoint.load(again, tmp_path / "c", IDENTITY) is None
    assert (again.updates[0]["f"], again.updates[0]["n"]) == (0.5, 3)
    assert {type(value) for row in run.updates for value in row.values()} == {int, float}
    assert (again.state["f"], again.state["b"], again.state["by"]) == (2.5, True, {3: [1.5]})
    finish(run), finish(again)
    assert torch.equal(run.agent.theta, again.agent.theta)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (math.inf, "state['new']"),
        (np.float32("nan"), "state['new']"),
        (torch.tensor([1.0, math.nan]), "state['new']"),
        ([0.0, (1, {"deep": -math.inf})], "state['new'][1][1]['deep']"),
        (np.array([math.nan]), "state['new']"),
    ],
)
def test_a_state_that_holds_no_number_ends_the_run_as_diverged_and_is_named(value, where):
    run = npg()
    run.iterate()
    assert (run.status, run.wrong) == ("running", None)
    run.state["new"] = value
    run.iterate()
    assert (run.status, run.wrong) == ("diverged", where)


def test_objects_in_a_state_are_looked_into_as_far_as_they_are_kept():
    run = npg()
    run.state |= {"kept": Kept(), "text": "nan", "flags": np.array(["inf"])}
    run.state["kept"].itself = run.state["kept"]
    run.iterate()
    assert run.status == "running", "private attributes are not kept"
    run.state["kept"].values[1]["inner"] = math.nan
    run.iterate()
    assert (run.status, run.wrong) == ("diverged", "state['kept'].values[1]['inner']")
    run = npg()
    run.iterate()
    run.state["value_adam"].second[0][3] = math.inf
    run.iterate()
    assert run.wrong == "state['value_adam'].second[0]"


def test_theta_and_batches_that_hold_no_number_are_named(monkeypatch):
    run = npg()
    run.agent.theta[0] = math.nan
    run.iterate()
    assert (run.status, run.wrong) == ("diverged", "batch.act")
    run = npg()
    monkeypatch.setattr(run, "_update", lambda agent, *given: {"first": agent.theta.fill_(math.inf)[0].item()})
    run.iterate()
    assert (run.status, run.wrong) == ("diverged", "theta")


def test_line_searches_that_saw_no_number_have_a_column_and_no_others():
    rows = [{"iteration": k, "step": 200 * (k + 1), "nans": 0} for k in range(3)]
    assert update_rows(rows) == [{"iteration": k, "step": 200 * (k + 1)} for k in range(3)]
    rows[1]["nans"] = 2
    assert [row["nans"] for row in update_rows(rows)] == [0, 2, 0]


@pytest.mark.parametrize("algo", ["trpo", "trpo_penalty", "trpo_vine"])
def test_a_search_reports_its_nans(algo, monkeypatch):
    monkeypatch.setattr(f"algos.{algo}.conjugate_gradient", lambda product, g, iterations: g * math.nan)
    small = {"states": 4, "length": 8} if algo == "trpo_vine" else {}
    run = Run(algo, "InvertedPendulum-v4", defaults(algo, batch=64, envs=4, **small), 2048, 0)
    before = run.agent.theta.clone()
    run.iterate()
    assert (run.updates[0]["nans"], run.updates[0]["accepted"]) == (run.cfg.tries, False)
    assert torch.equal(run.agent.theta, before)


@pytest.mark.parametrize(
    ("algo", "name"), [("trpo_penalty", "beta"), ("ppo_kl", "target"), ("pg_adaptive", "target"), ("npg", "obs_floor")]
)
def test_an_option_whose_rule_means_nothing_at_0_is_refused_there(algo, name):
    field = option_fields(algo)[name]
    with pytest.raises(UsageError, match=f"{name}: 0 is out of range: give a number above 0"):
        field.check(0, name)
    assert field.check(1e-9, name) == 1e-9


@pytest.mark.parametrize("floor", [0.01, 1e-6, 0.3])
def test_a_policy_acts_after_training_as_at_its_end_whatever_the_filters_floor(floor, tmp_path):
    where = cell("npg", batch=256, envs=4, obs_floor=floor)
    run = trained(where)
    agent, rng = run.agent, np.random.default_rng(0)
    deviation = np.sqrt(agent.filter.sq / agent.filter.count)
    assert deviation.min() ** 2 < max(floor, 0.1), "the floor decides"
    assert agent.filter.floor == floor
    write_run(tmp_path, run, where, 0, wall_seconds=1.0, commit=None)
    obs = agent.filter.mean + deviation * rng.normal(size=(50, len(deviation)))
    noise = rng.standard_normal((50, agent.policy.act_dim), np.float32)
    expected = agent.policy.actor(agent.theta)(agent.filter(obs), noise)
    np.testing.assert_array_equal(actor(tmp_path, len(deviation), agent.policy.act_dim)(obs, noise), expected)
    in_file = "filter_floor" in safetensors.torch.load_file(tmp_path / "policy.safetensors")
    assert in_file == (floor != 0.01), "at the default files have the bytes that they always had"
