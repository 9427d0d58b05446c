"""The rule of the verdict on made-up cells, and the published numbers it is fed with."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made_up import words

from analysis.data.published import published_curves, sources
from analysis.figures import figure3_overlay as overlay
from analysis.figures import verdict
from analysis.figures.verdict import unlike
from analysis.statistics.intervals import mean_interval, student
from analysis.statistics.verdict import judge, ours_of, scores_of, summarise, tabulate, theirs_of
from study.config import read_config
from study.plan import ROOT, load_study, make_study
from study.published import Source

ENVS = read_config(ROOT / "envs.yaml")
BY_NAME = {source.name: source for source in sources()}


def made(**methods):
    named = methods or {"trpo": {"published": "TRPO"}, "clip": {"algo": "ppo_clip", "published": "PPO (Clip)"}}
    entry = {"tasks": ["Hopper", "HalfCheetah"], "seeds": 3, "steps": 1_000_000, "methods": named | {"npg": None}}
    return make_study("made", entry, ENVS)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ((100, 90, 110), (105, 100, 110), "within"),
        ((100, 99, 101), (105, 104, 106), "below"),
        ((105, 104, 106), (100, 99, 101), "above"),
        # Neither interval holds the other's mean, but the difference is no larger than both together allow.
        ((100, 96, 104), (105, 101, 109), "within"),
        ((100, 97, 103), (105, 102, 108), "below"),
        # They print no interval: a point.
        ((100, 90, 110), (109, 109, 109), "within"),
        ((100, 90, 110), (111, 111, 111), "below"),
        # Each side of an interval counts for itself.
        ((100, 80, 101), (103, 103, 103), "below"),
        ((100, 99, 120), (103, 103, 103), "within"),
        # Below 0, as on Reacher, higher is still above.
        ((-5, -5.1, -4.9), (-7, -7.2, -6.8), "above"),
        # Nothing varies at a ceiling: under 1 % of what the source gained is no difference.
        ((999.5, 999.5, 999.5), (1000, 1000, 1000), "within"),
        ((985, 985, 985), (1000, 1000, 1000), "below"),
        (None, (1, 1, 1), "no data"),
        ((1, 1, 1), None, "no data"),
    ],
)
def test_the_rule(ours, theirs, verdict):
    assert judge(ours, theirs, untrained=0, seeds=3)["verdict"] == verdict


def test_a_verdict_that_says_little_is_weak():
    wide = judge((100, 20, 180), (100, 99, 101), untrained=0, seeds=3)
    assert (wide["verdict"], wide["weak"]) == ("within", True), "it reaches 80 of a gain of 100 to either side"
    assert not judge((100, 60, 140), (100, 99, 101), untrained=0, seeds=3)["weak"]
    # Their difference is -40, from -80 to 0 or so: it reaches over half of the gain, though half of its width does not.
    low = judge((60, 20, 100.5), (100, 100, 100), untrained=0, seeds=3)
    assert (low["verdict"], low["weak"]) == ("within", True)
    high = judge((140, 99.5, 180), (100, 100, 100), untrained=0, seeds=3)
    assert (high["verdict"], high["weak"]) == ("within", True)
    assert not judge((1000, 500, 1500), (100, 99, 101), untrained=0, seeds=3)["weak"], "above, however wide"
    assert judge((1000, 1000, 1000), (100, 99, 101), untrained=0, seeds=1)["weak"], "a single seed"
    assert not judge(None, (1, 1, 1), untrained=0, seeds=0)["weak"]


def test_methods_that_are_the_same_are_seldom_told_apart_and_others_are():
    random = np.random.default_rng(0)
    same, other = 0, 0
    for _ in range(2000):
        ours = mean_interval(random.normal(100, 10, 3))
        drawn = random.normal(100, 10, 10)
        theirs = (drawn.mean(), *student(drawn.mean(), drawn.std(ddof=1), 10))
        same += judge(ours, theirs, untrained=0, seeds=3)["verdict"] == "within"
        other += judge(ours, tuple(x + 60 for x in theirs), untrained=0, seeds=3)["verdict"] == "below"
    assert same / 2000 > 0.94
    assert other / 2000 > 0.9


CURVE = pd.DataFrame(
    {
        "timestep": [0, 500, 900, 950, 1000, 2000],
        "return_mean": [0.0, 30.0, 10.0, 20.0, 12.0, 90.0],
        "low": [0.0, 28.0, 8.0, 17.0, 11.0, 80.0],
        "high": [0.0, 33.0, 12.0, 23.0, 13.0, 99.0],
    }
)


def source(spread, metric="last_tenth"):
    return Source("s", "S", 2000, metric, {}, spread, "training", seeds=4)


def test_what_a_source_says_of_a_cell():
    assert theirs_of(source("band"), CURVE, 1000) == (14.0, 12.0, 16.0), "the band as drawn, mean over 900 … 1000"
    assert theirs_of(source("band"), CURVE, 500) == (30.0, 28.0, 33.0), "what our budget covers"
    mean, low, high = theirs_of(source("deviation"), CURVE, 1000)
    # A standard deviation of 2 over 4 seeds; t of 3 degrees of freedom at 97.5 % is 3.182 (any table).
    assert (mean, high - mean, mean - low) == pytest.approx((14.0, 3.182, 3.182), abs=1e-3)
    assert theirs_of(source("band", "maximum"), CURVE, 1000) == (30.0, 28.0, 33.0), "its own band, not the tenth's"
    assert theirs_of(source("band", "maximum"), CURVE, 2000)[0] == 90.0
    assert theirs_of(source("band"), CURVE, 2150) is None, "it ends before our budget, if in our last tenth"
    for metric in ("last_tenth", "maximum", "sampled"):
        assert theirs_of(source("band", metric), CURVE, 300) is None, "no point in our last tenth"


def test_what_we_say_of_a_cell():
    runs = pd.DataFrame({"last_tenth": [1.0, 3.0], "maximum": [9.0, 9.0]})
    curves = pd.DataFrame([[0.0, 9.0, 1.0], [0.0, 1.0, 9.0]], columns=[1, 2, 3])
    mean, low, high = ours_of(scores_of("last_tenth", runs, curves))
    assert (mean, high - low) == pytest.approx((2.0, 2 * 12.706), abs=1e-3), "t of 1 degree of freedom"
    assert scores_of("maximum", runs, curves).mean() == 5.0, (
        "of the mean curve, as sources have it; not the mean of maxima"
    )
    for metric in ("last_tenth", "maximum"):
        assert ours_of(scores_of(metric, runs.head(0), curves.head(0))) is None
    assert ours_of(np.array([4.0])) == (4.0, 4.0, 4.0), "a point"


def published(source, metric, task, algorithm):
    table = pd.read_csv(ROOT / "published/returns.csv")
    rows = table[
        (table["source"] == source)
        & table["metric"].str.startswith(metric)
        & (table["task"] == task)
        & (table["algorithm"] == algorithm)
        & (table["timesteps"] == 1e6)
    ]
    assert len(rows) == 1
    return rows.iloc[0]["mean"]


@pytest.mark.parametrize("task", ["Hopper", "HalfCheetah"])
@pytest.mark.parametrize(("method", "algorithm"), [("trpo", "TRPO"), ("clip", "PPO-clip")])
@pytest.mark.parametrize(
    ("name", "label", "metric"),
    [
        ("ppo_paper", "PPO paper Fig 3 (vector)", "mean of the plotted curve over the last 10%"),
        ("baselines", "OpenAI Baselines Mujoco1M", "mean of the plotted curve over the last 10%"),
        ("tianshou", "Tianshou raw curves", "mean test return over the last 10%"),
        ("tianshou_max", "Tianshou MuJoCo benchmark", "maximum over training"),
    ],
)
def test_from_the_curves_come_the_numbers_that_were_collected(name, label, metric, task, method, algorithm):
    curve = published_curves(made())[name, task, method]
    theirs = theirs_of(BY_NAME[name], curve, 1_000_000)
    gained = abs(theirs[0] - ENVS[task]["random_score"])
    # The windows' ends and an interpolated last point differ by a trifle.
    assert theirs[0] == pytest.approx(published(label, metric, task, algorithm), abs=0.02 * gained)
    assert theirs[1] < theirs[0] < theirs[2]


def test_evaluations_are_compared_with_evaluations_of_the_same_kind():
    study = made()
    table = tabulate(study, *runs_of(study)).set_index(["source", "task", "method"])
    final = pd.read_csv(ROOT / "published/curves/tianshou_v3_aggregate.csv")
    final = final[(final["algorithm"] == "TRPO") & (final["task"] == "Hopper") & (final["timestep"] <= 1e6)]
    tianshou = table.loc[("tianshou_final", "Hopper", "trpo")]
    assert (tianshou["ours"], tianshou["theirs"]) == (301.0, final.sort_values("timestep")["return_mean"].iloc[-1])
    assert tianshou["theirs_low"] < tianshou["theirs"] < tianshou["theirs_high"]
    zoo = table.loc[("zoo", "Hopper", "trpo")]
    expected = published("rl-baselines3-zoo benchmark", "mean return of", "Hopper", "TRPO")
    assert (zoo["ours"], zoo["theirs"], zoo["version"]) == (401.0, expected, "-v3")
    assert zoo["theirs_low"] == zoo["theirs_high"] == expected, "its deviation is over the episodes of one agent"
    assert zoo["weak"], "of a single agent"
    runs, curves = runs_of(study)
    none = tabulate(study, runs.assign(sampled=np.nan, deterministic=np.nan), curves).set_index("source")
    assert set(none.loc[["tianshou_final", "zoo"], "verdict"]) == {"no data"}


def test_a_verdict_on_a_single_score_is_weak_however_many_runs_there_are():
    study = made()
    runs, curves = runs_of(study)
    one = runs.assign(sampled=runs["sampled"].where(runs["seed"] == 0))
    table = tabulate(study, one, curves).set_index(["source", "task", "method"])
    cell = table.loc[("tianshou_final", "Hopper", "trpo")]
    assert (cell["runs"], cell["ours"], cell["ours_low"], cell["weak"]) == (3, 300.0, 300.0, True)
    assert not table.loc[("tianshou", "Hopper", "trpo"), "weak"]


def test_it_is_said_where_test_returns_stand_beside_training_returns():
    study = made()
    table = tabulate(study, *runs_of(study))
    kinds = table.drop_duplicates("source").set_index("source")[["ours_is", "theirs_is"]].agg(tuple, axis=1).to_dict()
    alike, trained = ("test", "test"), ("training", "training")
    assert kinds == {
        **dict.fromkeys(("ppo_paper", "baselines", "spinning_up"), trained),
        **dict.fromkeys(("tianshou", "tianshou_max"), ("training", "test")),
        **dict.fromkeys(("tianshou_final", "zoo"), alike),
    }
    assert unlike(table).endswith(": Tianshou 2021, last tenth; Tianshou 2021, maximum.")
    assert unlike(table[table["source"] == "ppo_paper"]) == ""


def test_the_papers_trpo_is_the_one_with_the_frozen_log_std():
    study = load_study("figure3")
    table = tabulate(study, *runs_of(study))
    judged = table[table["verdict"] != "no data"].groupby("source")["method"].agg(set)
    assert "trpo_frozen" in judged["ppo_paper"] and "trpo" not in judged["ppo_paper"]
    others = judged.drop("ppo_paper")
    assert all("trpo" in methods and "trpo_frozen" not in methods for methods in others)
    assert summarise(table).set_index("source")["cells"]["ppo_paper"] == 42


def test_spinning_up_is_its_pytorch_where_it_has_one():
    table = pd.read_csv(ROOT / "published/curves/spinningup_3m.csv")
    hopper = table[(table["task"] == "Hopper") & (table["timestep"] == 1_000_000)].set_index(["algorithm", "backend"])
    curves = published_curves(made())
    for method, key in (("clip", ("PPO", "pytorch")), ("trpo", ("TRPO", "tf1"))):
        curve = curves["spinning_up", "Hopper", method].set_index("timestep")
        assert curve.loc[1_000_000, "return_mean"] == hopper.loc[key, "return_mean"]
        assert curve.index.is_unique


def test_only_methods_that_say_so_are_compared():
    study = made()
    assert {key[2] for key in published_curves(study)} == {"trpo", "clip"}
    named = study.methods | {"npg": dataclasses.replace(study.methods["npg"], published="NPG")}
    curves = published_curves(dataclasses.replace(study, methods=named))
    assert {key[0] for key in curves if key[2] == "npg"} == {"tianshou", "tianshou_max", "tianshou_final"}


def runs_of(study, diverged=()):
    """Made-up runs.csv and curves, rising to 100 · (1 + the seed)."""
    rows, curves = [], {}
    grid = study.steps * np.arange(1, 101) // 100
    for cell in study.cells:
        for seed in cell.seeds:
            name = (cell.task, cell.method.name, seed)
            curves[name] = np.linspace(0, 100 * (1 + seed), 100)
            status = "diverged" if name in diverged else "finished"
            scores = {"last_tenth": 100.0 + seed, "sampled": 300.0 + seed, "deterministic": 400.0 + seed}
            rows.append({"task": name[0], "method": name[1], "seed": seed, "status": status} | scores)
    frame = pd.DataFrame(curves.values(), columns=grid)
    frame.index = pd.MultiIndex.from_tuples(curves, names=["task", "method", "seed"])
    columns = ["task", "method", "seed", "status", "last_tenth", "sampled", "deterministic"]
    return pd.DataFrame(rows, columns=columns), frame.sort_index()


def test_the_table_has_every_cell_and_counts_what_diverged():
    study = made()
    runs, curves = runs_of(study, diverged={("Hopper", "trpo", 1)})
    table = tabulate(study, runs, curves)
    assert len(table) == len(sources()) * len(study.methods) * len(study.tasks)
    cell = table.set_index(["source", "task", "method"]).loc[("ppo_paper", "Hopper", "trpo")]
    assert (cell["runs"], cell["finished"], cell["version"], cell["verdict"]) == (3, 2, "-v1", "below")
    assert cell["ours"] == 101.0
    assert set(table.loc[table["method"] == "npg", "verdict"]) == {"no data"}
    no_runs = tabulate(study, runs[runs["task"] != "Hopper"], curves.drop("Hopper", level="task"))
    assert set(no_runs.loc[no_runs["task"] == "Hopper", "verdict"]) == {"no data"}


def test_the_summary_counts_in_words():
    firm = [("within", False), ("above", False), ("below", False), ("no data", False)]
    seen = {"baselines": [("within", True), *firm[1:]], "spinning_up": firm}
    seen["zoo"] = [("within", True), ("below", True), ("below", True)]
    rows = [(source, *judged) for source, some in seen.items() for judged in some]
    summary = summarise(pd.DataFrame(rows, columns=["source", "verdict", "weak"])).set_index("source")
    count = ["cells", "within", "above", "below", "weak", "firm"]
    assert summary.loc["baselines", count].tolist() == [3, 1, 1, 1, 1, 1]
    assert summary.loc["zoo", count].tolist() == [3, 1, 0, 2, 3, 0]
    assert summary.loc["baselines", "sentence"] == "Baselines 2018: 2 of 3 cells within or above, 1 of them weak"
    assert summary.loc["spinning_up", "sentence"] == "Spinning Up: 2 of 3 cells within or above"
    assert summary.loc["zoo", "sentence"].endswith(": 1 of 3 cells within or above, 1 of them weak; 2 of 2 below weak")
    assert summary.loc["ppo_paper", "sentence"] == "PPO paper, Figure 3: no data"


def test_the_map_and_the_overlay_show_every_source_that_has_a_cell():
    study, made_up = drawn_from(made())
    figure = verdict.draw(study, made_up)
    assert [axis.get_title(loc="left").split(" (-v")[0] for axis in figure.get_axes()] == [s.label for s in sources()]
    assert words(figure).count("▼ 101\n1,980") == 1, "TRPO on Hopper: ours over the PPO paper's"
    figure = overlay.draw(study, made_up)
    panels = figure.get_axes()
    assert len(panels) == 2 * 2
    assert all(len(axis.lines) == 4 + 1 for axis in panels), "four sources and ours"
    styles = {(str(line.get_color()), str(line.get_linestyle())) for line in panels[0].lines}
    assert len(styles) == 5, "each in a line of its own"
    assert "PPO paper, Figure 3 (-v1)" in words(figure)
    plt.close("all")


def test_without_a_published_cell_there_is_nothing_to_draw():
    study, made_up = drawn_from(made(trpo={}))
    for module in (verdict, overlay):
        assert words(module.draw(study, made_up)) == ["No published source has a cell of this study."]
    plt.close("all")


def drawn_from(study):
    """The study and its tables, of ``runs_of``."""
    runs, curves = runs_of(study)
    long = curves.rename_axis(columns="step").stack().rename("return").reset_index()
    return study, {"runs": runs, "curves": long}
