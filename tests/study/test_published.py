"""The files of published/: what they hold, and what a mistake in one says."""

import re
import shutil

import pandas as pd
import pytest

from analysis.data.published import published_curves, read_data, sources
from core.errors import UsageError
from study.config import load_yaml
from study.plan import ROOT, read_studies
from study.published import read_sources

FILES = sorted((ROOT / "published").glob("*.yaml"))


@pytest.fixture
def project(tmp_path):
    """A copy of what a plan is made from, with a study that names one source."""
    for name in ("core", "algos", "published", "schemas", "study"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "envs.yaml", tmp_path)
    (tmp_path / "studies.yaml").write_text("""
tiny: {tasks: [Hopper], seeds: 1, steps: 5000, methods: {trpo: {published: {baselines: TRPO}}}}
other: {tasks: [Hopper], seeds: 1, steps: 5000, methods: {trpo: {published: TRPO}}}
""")
    return tmp_path


def test_every_file_is_a_source_and_they_stand_in_the_order_of_their_years():
    found, broken = read_sources()
    assert not broken
    assert {source.file for source in found.values()} == {f"published/{path.name}" for path in FILES}
    years = [source.year for source in found.values()]
    assert years == sorted(years)


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_a_source_has_data_for_all_of_its_names(source):
    table = read_data(source)
    assert {"timestep", "return_mean", "low", "high", "version", "task"} <= set(table)
    mine = table[table["algorithm"].isin(source.names.values())]
    assert mine[["timestep", "return_mean", "version"]].notna().all(axis=None) and (mine["low"] <= mine["high"]).all()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_settings_that_a_source_names_are_collected(path):
    assert load_yaml(path)["settings"] in set(pd.read_csv(ROOT / "published/hyperparameters.csv")["source"])


MISTAKES = {
    "label: Baselines 2018\n": {
        "": "published/baselines.yaml: the file: 'label' is a required property",
        "label: Baselines 2018\nlabl: x\n": "the file: 'labl' is unknown; did you mean 'label'",
        "label: [\n": "published/baselines.yaml: line [0-9]+: ",
        "label: Baselines 2018\nrows: x\n": "the file: give curves .* or rows .*, not both",
    },
    "metric: last_tenth": {
        "metric: last_tent": "published/baselines.yaml: metric: 'last_tent' is unknown; did you mean 'last_tenth'?",
    },
    "curves: openai_baselines_mujoco1m.csv": {
        "curves: openai_baselines_mujoco.csv": "curves: 'openai_baselines_mujoco.csv' is unknown; did you mean",
        "note: none": "published/baselines.yaml: the file: ",
    },
    "spread: band": {
        "spread: bands": "published/baselines.yaml: spread: 'bands' is unknown; did you mean 'band'?",
        "also: {b_max: {label: x, metric: max}}\nspread: band": "also.b_max.metric: 'max' is unknown; did you mean",
    },
    "seeds: 6\n": {
        "seeds: six\n": "published/baselines.yaml: seeds: seeds is how many the source averages",
        "seeds: 0\n": "published/baselines.yaml: seeds: seeds is how many the source averages",
    },
    "spread: band # of a kind that the page does not state\nseeds: 6": {
        "spread: deviation": "published/baselines.yaml: the file: the spread deviation needs `seeds`",
        "spread: deviation\nseeds: 1": "published/baselines.yaml: seeds: a deviation over seeds is of 2 or more",
    },
    "names: {PPO (Clip): ppo2, TRPO: trpo_mpi}": {
        "names: [TRPO]": "published/baselines.yaml: names: names go from a method's `published`",
    },
}


@pytest.mark.parametrize(("right", "wrong"), [(right, wrong) for right, ways in MISTAKES.items() for wrong in ways])
def test_a_mistake_leaves_the_source_out_in_one_line_with_file_key_and_what_is_valid(project, right, wrong):
    path = project / "published/baselines.yaml"
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong, 1))
    found, broken = read_sources(project)
    assert "baselines" not in found and len(found) == len(read_sources()[0]) - 1
    assert re.search(MISTAKES[right][wrong], broken["baselines"]), broken
    assert "\n" not in broken["baselines"]
    assert set(read_studies(project)[0]) == {"tiny", "other"}, "a study that names it is planned"


def test_two_sources_of_one_name_are_not_taken_for_one(project):
    (project / "published/tianshou_max.yaml").write_text((project / "published/zoo.yaml").read_text())
    found, broken = read_sources(project)
    assert broken == {
        "tianshou_max": "published/tianshou_max.yaml: 'tianshou_max' is of published/tianshou.yaml already"
    }
    assert found["tianshou_max"].file == "published/tianshou.yaml"


def test_a_name_is_checked_as_long_as_every_source_is_whole(project):
    studies = project / "studies.yaml"
    studies.write_text(studies.read_text().replace("{baselines: TRPO}", "{baseline: TRPO}"))
    assert "did you mean 'baselines'" in read_studies(project)[1]["tiny"]
    studies.write_text(studies.read_text().replace("{baseline: TRPO}", "{zoo: TROP}"))
    (project / "published/baselines.yaml").write_text("label: [")
    assert "zoo: 'TROP' is unknown; did you mean 'TRPO'" in read_studies(project)[1]["tiny"]


ZOO, BASELINES, CURVES = "zoo.yaml", "baselines.yaml", "curves/openai_baselines_mujoco1m.csv"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (ZOO, "rows: rl-baselines3-zoo", "rows: rl-baseline3-zoo", "zoo.yaml: rows: 'rl-baseline3-zoo bench"),
        (ZOO, "TRPO: TRPO", "TRPO: TPRO", "names.TRPO: 'TPRO' is unknown; did you mean 'TRPO'. .published/returns.csv"),
        (BASELINES, "TRPO: trpo_mpi", "TRPO: TRPO", "baselines.yaml: names.TRPO: 'TRPO' is unknown"),
        (CURVES, "timestep", "timestamp", f"{CURVES}: has no column 'timestep', which published/baselines.yaml needs"),
        (CURVES, "band_low", "low", "baselines.yaml: spread: band needs the columns band_low and band_high"),
    ],
)
def test_what_only_the_data_can_tell_is_one_line_of_the_plan_too(project, file, old, new, said):
    path = project / "published" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    found, broken = read_sources(project)
    (line,) = broken.values()
    assert len(found) == len(read_sources()[0]) - 1 and re.search(said, line) and "\n" not in line
    assert not read_studies(project)[1]


def test_a_source_is_read_where_a_method_names_it(project):
    path = project / "published" / CURVES
    path.write_text(path.read_text().replace(",0,", ",zero,", 1))
    (project / "studies.yaml").write_text("""
tiny: {tasks: [Hopper], seeds: 1, steps: 5000, methods: {trpo: {published: {baselines: TRPO}}}}
other: {tasks: [Hopper], seeds: 1, steps: 5000, methods: {trpo: {published: {zoo: TRPO}}}}
""")
    studies, some = read_studies(project)[0], read_sources(project)[0].values()
    assert {source for source, *_ in published_curves(studies["other"], some, project)} == {"zoo"}
    with pytest.raises(UsageError, match=f"^published/{CURVES}: cannot be read: .*zero"):
        published_curves(studies["tiny"], some, project)


def test_a_deviation_needs_a_column(project):
    path = project / "published/curves/tianshou_v3_aggregate.csv"
    path.write_text(path.read_text().replace("return_std_over_seeds", "deviation"))
    needed = "needs the columns return_std_over_seeds, or band_low and band_high"
    assert f"tianshou.yaml: spread: deviation {needed}" in read_sources(project)[1]["tianshou"]


def test_a_deviation_of_rows_is_their_spread(project):
    path = project / "published/zoo.yaml"
    path.write_text(path.read_text().replace("spread: none\nseeds: 1", "spread: deviation\nseeds: 5"))
    table = read_data(read_sources(project)[0]["zoo"], project)
    assert (table["high"] - table["return_mean"]).tolist() == pytest.approx(table["spread"].astype(float).tolist())
