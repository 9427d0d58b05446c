"""The two configuration files: what they hold, and what a mistake in them says."""

import contextlib
import dataclasses
import re
import shutil

import gymnasium
import pytest

from study.config import read_config
from study.options import UsageError, option_fields
from study.plan import ROOT, load_studies, load_study, override
from study.tasks import make_task, registered

FIGURE3 = {"HalfCheetah", "Hopper", "InvertedDoublePendulum", "InvertedPendulum", "Reacher", "Swimmer", "Walker2d"}


@pytest.fixture
def project(tmp_path):
    """A copy of what a plan is made from, and ``plan(study text)`` that loads it."""
    for name in ("core", "algos", "published", "schemas", "study"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "envs.yaml", tmp_path)

    def plan(text):
        (tmp_path / "studies.yaml").write_text(text)
        return load_studies(tmp_path)

    return plan


STUDY = """
tiny:
  tasks: [Hopper]
  seeds: 2
  steps: 5000
  methods:
    trpo:
    ppo_clip: {epsilon: 0.1}
"""


def test_the_shipped_studies_load_and_hold_what_they_say():
    studies = load_studies()
    figure3, quick = studies["figure3"], studies["quick"]
    assert set(figure3.tasks) == FIGURE3
    assert figure3.steps == 1_000_000
    assert set(quick.tasks) == {"InvertedPendulum", "Hopper"}
    assert len(quick.seeds) == 2
    paper = {"PPO (Clip)", "TRPO", "A2C", "A2C + Trust Region", "Vanilla PG, Adaptive", "CEM"}
    assert {method.published_in("ppo_paper") for method in figure3.methods.values()} - {None} == paper | {"NPG", "VPG"}
    # published/README.md, fact 1: the paper's TRPO had its log-std frozen, that of all later sources trains it.
    named = {name: method.published_in("ppo_paper") for name, method in figure3.methods.items()}
    assert (named["trpo"], named["trpo_frozen"]) == (None, "TRPO")
    assert figure3.methods["trpo_frozen"].options["log_std"] == "frozen"
    later = {"baselines", "spinning_up", "tianshou", "tianshou_max", "tianshou_final", "zoo"}
    assert figure3.methods["trpo"].published == dict.fromkeys(later, "TRPO")
    for study in (figure3, quick):
        assert {"pg", "npg", "trpo", "ppo_clip", "ppo_kl"} <= set(study.methods)


@pytest.mark.parametrize("task", read_config(ROOT / "envs.yaml"))
def test_a_tasks_id_exists_and_has_the_time_limit_that_is_said(task):
    entry = read_config(ROOT / "envs.yaml")[task]
    assert "Episodes last 1000 steps at most, of Reacher 50 and of Pusher 100" in (ROOT / "envs.yaml").read_text()
    limit = {"Reacher": 50, "Pusher": 100}.get(task.partition("-")[0], 1000)
    assert gymnasium.spec(entry["id"]).max_episode_steps == limit
    assert make_task(task, entry).spec == entry["id"], "runs are keyed and recorded by the id alone"


def test_the_reference_tasks_are_v4_and_each_has_its_v5():
    envs = read_config(ROOT / "envs.yaml")
    for task in FIGURE3 | {"Ant", "Humanoid", "HumanoidStandup"}:
        assert envs[task]["id"] == f"{task}-v4"
    for task in FIGURE3 | {"Ant", "Humanoid", "HumanoidStandup", "Pusher"}:
        assert envs[f"{task}-v5"]["id"] == f"{task}-v5"


def test_options_are_complete_and_later_ones_win(project):
    text = STUDY + "  options: {clip_actions: true, obs_clip: 10}\n"
    methods = project(text)["tiny"].methods
    assert methods["trpo"].options["max_kl"] == 0.01
    assert methods["ppo_clip"].options["epsilon"] == 0.1
    assert methods["trpo"].options["obs_clip"] == 10.0
    own = text.replace("{epsilon: 0.1}", "{obs_clip: 3.0}")
    assert project(own)["tiny"].methods["ppo_clip"].options["obs_clip"] == 3.0


def test_a_number_may_be_written_with_an_exponent(project):
    assert project(STUDY.replace("0.1", "3e-4"))["tiny"].methods["ppo_clip"].options["epsilon"] == 3e-4
    plain = project(STUDY.replace("0.1}", "0.1, batch: 1000}"))["tiny"]
    text = STUDY.replace("5000", "5e3").replace("seeds: 2", "seeds: 2.0").replace("0.1}", "1e-1, batch: 1e3}")
    written = project(text)["tiny"]
    assert written.cells == plain.cells
    assert [c.key for c in written.cells] == [c.key for c in plain.cells]
    assert project(STUDY.replace("seeds: 2", "seeds: [0, 3.0]"))["tiny"].seeds == (0, 3)


MISTAKES = {
    "tasks: [Hopper]": {
        "tasks: [Hoper]": "studies.yaml: tiny.tasks: 'Hoper' is unknown; did you mean 'Hopper'?",
        "tasks: [Hopper, Hopper]": "studies.yaml: tiny.tasks: tasks is a list of names of envs.yaml, .* none twice",
        "tasks: []": "studies.yaml: tiny.tasks: tasks is a list",
        "task: [Hopper]": "studies.yaml: tiny: 'task' is unknown; did you mean 'tasks'?",
        "tasks: [Hopper": "studies.yaml: line [0-9]+: ",
    },
    "trpo:": {
        "trop:": "studies.yaml: tiny.methods.trop: algorithm 'trop' is unknown; did you mean 'trpo'?",
        "../up:": "studies.yaml: tiny.methods: a method's name is made of small letters",
        "trpo: {max_lk: 1}": "tiny.methods.trpo: option 'max_lk' is unknown; did you mean 'max_kl'?",
        "trpo: {max_kl: high}": "tiny.methods.trpo.max_kl: must be a number, not 'high'",
        "trpo: {max_kl: true}": "tiny.methods.trpo.max_kl: must be a number, not True",
        "trpo: {max_kl: -1}": "tiny.methods.trpo.max_kl: -1 is out of range",
        "trpo: {max_kl: .nan}": "tiny.methods.trpo.max_kl: nan is out of range",
        "trpo: {batch: 1.5}": "tiny.methods.trpo.batch: must be a whole number",
        "trpo: {batch: 1001}": "tiny.steps: trpo shares a batch of 1001 steps among 8 envs: make it a multiple",
        "trpo: {gamma: 99}": "tiny.methods.trpo.gamma: 99 is out of range: give a number from 0 to 1",
        "trpo: {published: TPRO}": "tiny.methods.trpo.published: 'TPRO' is unknown; did you mean 'TRPO'?",
        "trpo: {published: {ppo_papr: TRPO}}": "trpo.published: 'ppo_papr' is unknown; did you mean 'ppo_paper'?",
        "trpo: {published: {baselines: CEM}}": "trpo.published.baselines: 'CEM' is unknown; choose from PPO",
        "trpo: {published: {}}": "tiny.methods.trpo.published: published is a name that sources of published/ have",
        "trpo: {row: cliping 0.2}": "tiny.methods.trpo.row: 'cliping 0.2' is unknown; did you mean 'clipping 0.2'?",
        "a: {algo: npg, row: fixed KL 1}\n    trpo: {row: fixed KL 1}": "trpo.row: 'fixed KL 1' is a already",
        "trpo: {colour: #0072B2\n      }": 'tiny.methods.trpo.colour: a colour is "#RRGGBB", six hexadecimal digits',
        "trpo: {colour: blue}": 'tiny.methods.trpo.colour: a colour is "#RRGGBB"',
        "trpo: {color: blue}": "tiny.methods.trpo: option 'color' is unknown; did you mean 'colour'?",
        "trpo: {line: doted}": "tiny.methods.trpo.line: 'doted' is unknown; did you mean 'dotted'?",
        "trpo: {line: dotted, sweep: {max_kl: [0.01, 0.1]}}": "tiny.methods.trpo.line: a method with a sweep has no",
        "trpo: {batch: 0}": "tiny.methods.trpo.batch: 0 is out of range: this is a count, 1 or more",
        "trpo: {normalize_obs: 1}": "tiny.methods.trpo.normalize_obs: must be true or false",
        "trpo: {log_std: froze}": "tiny.methods.trpo.log_std: 'froze' is unknown; did you mean 'frozen'?",
        "trpo: {steps: 5000}": "tiny.methods.trpo: 'steps' is of a whole study: write it beside the study's methods",
        "trpo: 3": "studies.yaml: tiny.methods.trpo: must be of type object or null",
        "ppo_clip:": "studies.yaml: line [0-9]+: 'ppo_clip' stands twice",
    },
    "seeds: 2": {
        "seeds: 0": "studies.yaml: tiny.seeds: seeds is how many",
        "seeds: 1\n  portable: 2": "studies.yaml: tiny.portable: must be of type boolean, not 2",
        "seeds: [1, 1]": "studies.yaml: tiny.seeds: seeds is how many",
        "seeds: two": "studies.yaml: tiny.seeds: ",
    },
    "steps: 5000": {
        "steps: 2000": "studies.yaml: tiny.steps: 2000 is less than one batch of ppo_clip .2048 steps.: nothing",
        "steps: -5": "studies.yaml: tiny.steps: steps is the budget",
        "stepz: 5": "studies.yaml: tiny: 'stepz' is unknown; did you mean 'steps'?",
        "steps: !!python/object/apply:os.system [true]": "studies.yaml: line [0-9]+: could not determine a constructor",
    },
    "tiny:": {
        "all:": "studies.yaml: the file: a study's name",
        "Tiny:": "studies.yaml: the file: a study's name",
        "looks: {trpo: {colur: 1}}\ntiny:": "studies.yaml: looks.trpo: 'colur' is unknown; did you mean 'colour'?",
        "looks: {trpo: {line: solid}}\ntiny:": None,
        "tiny: &x": None,
    },
}


@pytest.mark.parametrize(("right", "wrong"), [(right, wrong) for right, ways in MISTAKES.items() for wrong in ways])
def test_a_mistake_gives_one_line_with_file_key_and_what_is_valid(project, right, wrong):
    said = MISTAKES[right][wrong]
    text = STUDY.replace(right, wrong, 1)
    assert text != STUDY
    if said is None:
        assert project(text)
        return
    with pytest.raises(UsageError) as caught:
        project(text)
    assert re.search(said, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("task_id", "words"),
    [
        ("Hopper-v99", r"id 'Hopper-v99' is unknown; did you mean 'Hopper-v\d'\?"),
        ("Hoper-v4", "id 'Hoper-v4' is unknown; did you mean 'Hopper-v4'"),
        ("somewhere:Hopper-v99", None),
        ("plugin/Hopper-v99", None),
    ],
)
def test_a_task_that_gymnasium_does_not_have_is_named_if_it_should_be_its_own(project, tmp_path, task_id, words):
    (tmp_path / "envs.yaml").write_text(f'Hopper: {{id: "{task_id}", horizon: 10, random_score: 0}}')
    with pytest.raises(UsageError, match=f"^envs.yaml: Hopper: {words}") if words else contextlib.nullcontext():
        project(STUDY)


def test_gymnasiums_ids_are_read_as_it_registers_them():
    assert {name for name in registered() if "/" not in name} <= set(gymnasium.registry)
    assert {entry["id"] for entry in read_config(ROOT / "envs.yaml").values()} <= set(registered())


def test_a_method_without_an_update_is_refused_when_it_is_planned(tmp_path):
    shutil.copytree(ROOT / "core", tmp_path / "core", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "algos").mkdir()
    text = (ROOT / "algos/npg.py").read_text()
    (tmp_path / "algos/npg.py").write_text(text.replace("def update(", "def updat("))
    with pytest.raises(UsageError, match=r"algos/npg.py: no function update\(agent, batch, cfg, state\): see docs"):
        option_fields("npg", tmp_path)


def test_a_study_may_not_take_the_name_of_a_rule(project):
    rules = re.findall(r"^ *rule (\w+):", "\n".join(path.read_text() for path in (ROOT / "rules").glob("*.smk")), re.M)
    assert "train" in rules and "films_in_page" in rules
    for name in (*rules, "all", "tiny_videos", "statistics", "statistics_tables"):
        with pytest.raises(UsageError, match="is not a name the workflow uses itself"):
            project(STUDY.replace("tiny:", f"{name}:"))


def test_a_method_has_the_look_of_its_name_in_every_study_or_its_own(project):
    looks = 'looks: {trpo: {colour: "#D55E00", line: dashed}}\n'
    other = STUDY.replace("tiny:", "other:").replace("trpo:", "trpo: {line: dotted}")
    other = other.replace("ppo_clip:", 'mine: {algo: trpo, colour: "#000000"}\n    ppo_clip:')
    studies = project(looks + STUDY + other)
    seen = {(s, name): (m.colour, m.line) for s, study in studies.items() for name, m in study.methods.items()}
    assert seen["tiny", "trpo"] == ("#D55E00", "dashed") and seen["other", "trpo"] == ("#D55E00", "dotted")
    assert seen["other", "mine"] == ("#000000", None) and seen["tiny", "ppo_clip"] == (None, None)
    assert project(STUDY)["tiny"].cells[0].key == studies["tiny"].cells[0].key == studies["other"].cells[0].key
    sweep = STUDY.replace("trpo:", "trpo: {sweep: {max_kl: [1, 2]}}").replace("    ppo_clip: {epsilon: 0.1}\n", "")
    swept = project(looks + sweep)
    assert {method.colour for method in swept["tiny"].methods.values()} == {None}


def test_a_file_without_a_study_is_refused(project):
    with pytest.raises(UsageError, match="has no study"):
        project("looks: {}\n")


def test_an_algorithms_option_may_not_hide_one_of_every_run(project, tmp_path):
    path = tmp_path / "algos" / "trpo.py"
    path.write_text(path.read_text().replace("    max_kl: float", "    envs: int = 3  #: x\n    max_kl: float"))
    with pytest.raises(UsageError, match=r"algos/trpo.py: Config: 'envs' is already an option of every run"):
        project(STUDY)


def test_a_syntax_error_in_an_algorithm_is_named(project, tmp_path):
    (tmp_path / "algos" / "trpo.py").write_text("def update(:\n")
    with pytest.raises(UsageError, match=r"algos/trpo.py: line 1: "):
        project(STUDY)


def test_a_try_has_a_key_of_its_own():
    cell = load_study("quick").cell("Hopper", "ppo_clip")
    tried = override(cell, ["epsilon=0.1", "clip_actions=true"], None)
    assert tried.method.options == cell.method.options | {"epsilon": 0.1, "clip_actions": True}
    assert len({cell.key, tried.key, override(cell, [], 5000).key}) == 3
    for settings, steps, said in ((["epsilon"], None, "option=value"), ([], 0, "--steps 0")):
        with pytest.raises(UsageError, match=said):
            override(cell, settings, steps)


def test_an_unknown_study_task_or_method_is_named():
    with pytest.raises(UsageError, match="study 'quik' is unknown; did you mean 'quick'"):
        load_study("quik")
    quick = load_study("quick")
    with pytest.raises(UsageError, match="quick: task 'Walker2d' is unknown"):
        quick.cell("Walker2d", "trpo")
    with pytest.raises(UsageError, match="quick: method 'trop' is unknown; did you mean 'trpo'"):
        quick.cell("Hopper", "trop")


def test_a_study_that_is_not_yaml_mapping_is_refused(project):
    with pytest.raises(UsageError, match=r"studies\.yaml: the file: must be a mapping of names"):
        project("- a\n- b\n")


def test_every_option_of_a_method_is_in_its_key():
    cell = load_study("quick").cell("Hopper", "trpo")
    keys = {cell.key}
    for name, value in cell.method.options.items():
        other = {bool: lambda v: not v, int: lambda v: v + 1, float: lambda v: v + 1, str: lambda v: v + "x"}[
            type(value)
        ]
        method = dataclasses.replace(cell.method, options=cell.method.options | {name: other(value)})
        keys.add(dataclasses.replace(cell, method=method).key)
    assert len(keys) == len(cell.method.options) + 1
