"""Whatever stands in a published curve or in a run's files, the answer is a table or one line that names the file."""

import io
import json

import pandas as pd
import pytest
from fuzz import anything, few
from hypothesis import given
from hypothesis import strategies as st

from analysis.data.published import published_curves, sources
from analysis.data.runs import read_runs
from core.errors import UsageError
from study.cells import FILES
from study.config import read_config
from study.integrity import damage
from study.plan import ROOT, make_study

# Published curves

PAPER = (ROOT / "published/curves/ppo_paper_fig3.csv").read_bytes()


@pytest.fixture(scope="module")
def study():
    entry = {"tasks": ["Hopper"], "seeds": 2, "steps": 5000, "methods": {"trpo": {"published": "TRPO"}}}
    return make_study("tiny", entry, read_config(ROOT / "envs.yaml"))


def published(content, study, folder):
    """What is read of a published curve, or None where a UsageError of one line names the file."""
    path = folder / "published/curves/ppo_paper_fig3.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        return published_curves(study, sources()[:1], folder)
    except UsageError as error:
        assert "ppo_paper_fig3.csv" in str(error)
        assert "\n" not in str(error)
        return None


def numbers(curves):
    for curve in curves.values():
        assert {"timestep", "return_mean"} <= set(curve.columns)
        assert curve["timestep"].is_monotonic_increasing
        assert all(pd.api.types.is_numeric_dtype(curve[name]) for name in ("timestep", "return_mean"))


@few
@given(st.binary(max_size=200))
def test_bytes_that_may_be_a_published_curve(tmp_path, study, content):
    numbers(published(content, study, tmp_path) or {})


@few
@given(st.integers(0, len(PAPER) - 1), st.binary(min_size=1, max_size=3), st.booleans())
def test_a_published_curve_with_an_error_in_it(tmp_path, study, place, new, cut):
    content = PAPER[:place] + new + (b"" if cut else PAPER[place + len(new) :])
    numbers(published(content, study, tmp_path) or {})


def test_the_published_curve_itself(tmp_path, study):
    assert len(published(PAPER, study, tmp_path)["ppo_paper", "Hopper", "trpo"]) == 101


# Tables


@pytest.fixture(scope="module")
def written(study, tmp_path_factory):
    """A folder with every run of a study."""
    place = tmp_path_factory.mktemp("written")
    table = pd.DataFrame({"step": [5, 9], "return": [1.0, 2.0], "length": [5, 4], "end": ["truncated", "cut"]})
    for cell in study.cells:
        for seed in cell.seeds:
            folder = place / cell.folder(seed)
            folder.mkdir(parents=True)
            table.to_parquet(folder / "episodes.parquet")
            (folder / "run.json").write_text(json.dumps({"status": "finished", "algo": "trpo"}))
    return place


def read(study, place):
    """The runs, or None where a UsageError of one line names the run and what to do."""
    try:
        return list(read_runs(study, place))
    except UsageError as error:
        assert str(error).startswith("no readable run of trpo on Hopper, seed 1 (")
        assert "delete results/runs/trpo/Hopper/" in str(error)
        assert "\n" not in str(error)
        return None


@few
@given(st.sampled_from(["episodes.parquet", "run.json"]), st.data())
def test_a_run_with_an_error_in_a_file(study, written, name, data):
    """Without digests, as the first runs of the repository are."""
    path = written / study.cells[0].folder(1) / name
    good = path.read_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    new = data.draw(st.binary(max_size=3))
    path.write_bytes(good[:place] + new + data.draw(st.sampled_from([b"", good[place + len(new) :]])))
    try:
        runs = read(study, written)
    finally:
        path.write_bytes(good)
    assert runs is None or all(run.status in ("finished", "diverged") for run in runs)


@few
@given(anything | st.dictionaries(st.sampled_from(["status", "digests", "digest"]), anything))
def test_any_json_in_the_place_of_a_record(study, written, record):
    path = written / study.cells[0].folder(1) / "run.json"
    good = path.read_bytes()
    path.write_text(json.dumps(record, default=str))
    try:
        damage(path.parent, FILES)
        runs = read(study, written)
    finally:
        path.write_bytes(good)
    assert runs is None or all(run.status in ("finished", "diverged") for run in runs)


cells = st.one_of(st.integers(-(2**60), 2**60), st.floats(), st.text(max_size=3), st.none(), st.booleans())


@few
@given(
    st.dictionaries(st.sampled_from(["step", "return", "length", "end", "x"]), st.lists(cells, min_size=2, max_size=2))
)
def test_any_table_in_the_place_of_episodes(study, written, columns):
    path = written / study.cells[0].folder(1) / "episodes.parquet"
    good = path.read_bytes()
    stream = io.BytesIO()
    try:
        pd.DataFrame(columns).to_parquet(stream)
    except (ValueError, TypeError, OverflowError):
        return  # not a table that a file can hold
    path.write_bytes(stream.getvalue())
    try:
        runs = read(study, written)
    finally:
        path.write_bytes(good)
    for run in runs or []:
        assert all(pd.api.types.is_numeric_dtype(run.episodes[name]) for name in ("step", "return", "length"))
