"""The plan of a call: what it finds, what it puts right, and what the rules get of it."""

import json
import os
import re
import shutil

import pytest
from snakemake.iocontainers import Wildcards

from core.errors import UsageError
from study.call import Call
from study.cells import FILES
from study.integrity import sealed
from study.plan import ROOT
from study.workflow import Workflow

STUDIES = """
tiny:
  tasks: [Hopper, InvertedPendulum]
  seeds: 2
  steps: 5000
  methods:
    npg: {batch: 256}
    trpo:
same:
  tasks: [Hopper]
  seeds: 3
  steps: 5000
  portable: true
  methods:
    n: {algo: npg, batch: 256}
sweep:
  tasks: [Hopper]
  seeds: 1
  steps: 5000
  methods:
    npg: {sweep: {max_kl: [0.01, 0.02]}}
wrong:
  tasks: [Hopper]
  seeds: 1
  steps: 5000
  methods: {nqg: {}}
"""


@pytest.fixture
def root(tmp_path):
    """What a plan is made from."""
    for name in ("algos", "core", "schemas"):
        os.symlink(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "envs.yaml", tmp_path)
    (tmp_path / "studies.yaml").write_text(STUDIES)
    return tmp_path


def prepared(root, *targets, idle=False):
    plan = Workflow(Call(targets, idle=idle), root=root)
    return plan, plan.prepare()


def of_study(name):
    return Wildcards(fromdict={"study": name})


def of_cell(cell, **others):
    return Wildcards(fromdict={"algo": cell.method.algo, "task": cell.task, "key": cell.key, **others})


def write_run(root, cell, seed, status="finished"):
    folder = root / cell.folder(seed)
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_bytes(f"{name} {seed}".encode())
    (folder / "run.json").write_text(json.dumps(sealed({"status": status})))
    return folder


def write_evaluation(root, cell, policy="of another"):
    path = root / cell.evaluation
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("seed,policy\n" + "".join(f"{seed},{policy}\n" for seed in cell.seeds))
    return path


def contents(root):
    return {path: path.read_bytes() for path in (root / "results").rglob("*") if path.is_file()}


def test_a_broken_study_is_left_out_and_refused_where_it_alone_is_asked_for(root):
    plan, said = prepared(root, "tiny")
    assert (set(plan.studies), set(plan.broken), plan.default) == ({"tiny", "same", "sweep"}, {"wrong"}, "tiny")
    assert said == [f"warning: {plan.broken['wrong']}: the study wrong is left out"]
    assert len(prepared(root, "wrong", "tiny")[1]) == 1, "the other study goes on"
    with pytest.raises(UsageError, match=r"^studies\.yaml: wrong\.methods\.nqg: algorithm 'nqg' is unknown"):
        prepared(root, "wrong")
    assert Workflow(Call(("wrong",)), root=root).broken, "the process of a single job says nothing"


def test_a_look_that_no_method_has_is_said(root):
    (root / "studies.yaml").write_text(f"{STUDIES}looks: {{n: {{line: dashed}}, a2c: {{}}, nn: {{line: dashed}}}}\n")
    assert prepared(root, "tiny")[1][1:] == [
        "warning: studies.yaml: looks: 'nn' is unknown; did you mean 'n'?: no method looks so"
    ]


def test_figure3_is_the_default_even_where_it_is_broken(root):
    (root / "studies.yaml").write_text(STUDIES.replace("wrong:", "figure3:"))
    assert Workflow(Call(), root=root).default == "figure3"
    with pytest.raises(UsageError, match=r"^studies\.yaml: figure3"):
        prepared(root)


def test_a_call_that_cannot_be_is_refused(root):
    with pytest.raises(UsageError, match=r"^--config seeds"):
        Workflow(Call(), {"seeds": 3}, root)


def test_tasks_that_cannot_be_trained_on_are_said_for_the_studies_that_are_asked_for(root, monkeypatch):
    monkeypatch.setattr("study.workflow.refused", lambda tasks: {t.name: f"envs.yaml: {t.name}: no" for t in tasks})
    _, (_, *said) = prepared(root, "same")
    so_far = "python -m analysis.terminal.so_far STUDY"
    assert said == [f"error: envs.yaml: Hopper: no. Its runs fail; all others go on, and {so_far} draws them"]
    assert len(prepared(root, "tiny")[1]) == 3


def test_a_call_puts_the_disk_right(root):
    tiny = Workflow(Call(), root=root).studies["tiny"]
    first, second = tiny.cells[0], tiny.cells[1]
    damaged, whole = write_run(root, first, 0), write_run(root, first, 1)
    (damaged / "run.json").write_text("{}")
    stale = write_evaluation(root, second)
    plan, (_, said) = prepared(root, "tiny")
    moved = "moved to work/damaged/, and to be trained again"
    assert said == f"warning: {first.folder(0)}: run.json is damaged: {moved}"
    assert not damaged.exists() and (root / "work/damaged" / first.folder(0) / "run.json").exists()
    assert whole.exists() and not stale.exists()
    assert json.loads((root / tiny.manifest).read_text()) == [c.folder(s) for c in tiny.cells for s in c.seeds]
    assert plan.damage_of(of_cell(first, seed=0)) == []
    assert plan.manifest(of_study("tiny")) == [tiny.manifest]
    assert prepared(root, "tiny")[1] == [f"warning: {plan.broken['wrong']}: the study wrong is left out"]


def test_a_dry_run_changes_nothing_and_has_a_new_file_for_what_would_change(root):
    tiny = Workflow(Call(), root=root).studies["tiny"]
    first, second = tiny.cells[0], tiny.cells[1]
    (write_run(root, first, 0) / "run.json").write_text("{}")
    write_run(root, first, 1)
    stale = write_evaluation(root, second)
    before = contents(root)
    plan, (_, said) = prepared(root, "tiny", idle=True)
    assert contents(root) == before and not (root / "work").exists()
    assert "run.json is damaged: would be moved to work/damaged/" in said
    (new,) = plan.damage_of(of_cell(first, seed=0))
    assert os.stat(new).st_mtime >= stale.stat().st_mtime and not new.startswith(str(root))
    assert plan.damage_of(of_cell(first, seed=1)) == []
    how = stale.stem
    assert plan.staleness_of(of_cell(second, how=how)) == [new]
    assert plan.staleness_of(of_cell(first, how=how)) == []
    assert plan.manifest(of_study("tiny")) == [new], "the list would be written"
    prepared(root, "tiny")
    assert prepared(root, "tiny", idle=True)[0].manifest(of_study("tiny")) == [tiny.manifest]


def test_the_files_of_a_study(root):
    plan = Workflow(Call(), root=root)
    tiny, wildcards = plan.studies["tiny"], of_study("tiny")
    folders = [cell.folder(seed) for cell in tiny.cells for seed in (0, 1)]
    assert len(folders) == 8 and plan.runs("tiny") == [f"{folder}/{name}" for name in FILES for folder in folders]
    assert plan.run_tables(wildcards) == [f"{f}/{name}" for name in ("episodes.parquet", "run.json") for f in folders]
    assert plan.evaluations(wildcards) == [cell.evaluation for cell in tiny.cells]
    assert plan.evaluations(of_study("sweep")) == []
    assert plan.option_sources(wildcards) == ["core/run.py", "algos/npg.py", "algos/trpo.py"]
    assert plan.untrained_scores(wildcards) == []
    text = (root / "envs.yaml").read_text()
    (root / "envs.yaml").write_text(re.sub(r", random_score: [-\d.]+", "", text))
    scores = Workflow(Call(), root=root).untrained_scores(wildcards)
    assert [score.split("/")[3] for score in scores] == ["Hopper", "InvertedPendulum"]


def test_of_studies_that_share_a_cell_the_portable_one_trains_it(root):
    plan = Workflow(Call(), root=root)
    shared, own = plan.studies["tiny"].cells[0], plan.studies["tiny"].cells[1]
    asked = "--study same --task Hopper --method n"
    assert plan.train_arguments(of_cell(shared, seed="1")) == f"{asked} --seed 1 --key {shared.key}"
    mine = f"--study tiny --task Hopper --method {own.method.name}"
    assert plan.train_arguments(of_cell(own, seed="0")) == f"{mine} --seed 0 --key {own.key}"
    evaluated = of_cell(own, how=own.evaluation.rpartition("/")[2].removesuffix(".csv"))
    assert plan.cell_arguments(evaluated) == mine
    assert plan.cell_runs(evaluated) == [f"{own.folder(seed)}/policy.safetensors" for seed in (0, 1)]
    assert plan.train_memory(of_cell(own, seed="0"), 1) < plan.train_memory(of_cell(own, seed="0"), 2)
    assert plan.train_minutes(of_cell(own, seed="0"), 1) < plan.train_minutes(of_cell(own, seed="0"), 2)
    assert [plan.seed_first(of_cell(own, seed=seed)) for seed in ("0", "7", "5000")] == [1000, 993, 0]


def test_a_film_is_of_the_study_that_is_named(root):
    plan = Workflow(Call(), root=root)
    shared = plan.studies["same"].cells[0]
    assert plan.cell_arguments(of_cell(shared, study="tiny")) == "--study tiny --task Hopper --method npg"
    assert len(plan.cell_runs(of_cell(shared, study="same"))) == 3
    assert plan.opengl_first(of_cell(shared, study="same")) == ["work/opengl"]


@pytest.mark.parametrize("others", [{"seed": "0"}, {"how": "0" * 12}, {"study": "tiny"}], ids=lambda o: next(iter(o)))
def test_what_no_study_asks_for_any_more_is_said(root, others):
    plan = Workflow(Call(), root=root)
    gone = Wildcards(fromdict={"algo": "npg", "task": "Hopper", "key": "0" * 12, **others})
    ask = plan.train_arguments if "seed" in others else plan.cell_runs
    with pytest.raises(UsageError, match=r"^no study asks for .*000000000000.* any more$"):
        ask(gone)
