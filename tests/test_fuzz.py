"""Whatever stands in a file that people write or disks keep, the answer is a value or one line, never another error."""

import io
import json
import shutil

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.published import paper_curves
from analysis.study import read_runs
from core.errors import UsageError
from core.plan import FILES, ROOT, Study, load_studies, make_study, read_config
from core.whole import damage

#: Quick, the same in each run, and without a data base of examples beside the sources.
few = settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
keys = st.text(max_size=6) | st.integers() | st.none() | st.booleans()
anything = st.recursive(scalars, lambda x: st.lists(x, max_size=3) | st.dictionaries(keys, x, max_size=3), max_leaves=8)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """What a plan is made from, with a copy of the sources that options are read from."""
    root = tmp_path_factory.mktemp("root")
    for name in ("core", "algos", "schemas"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "envs.yaml", root)
    return root


def loaded(root, name, content):
    """The studies of a root in which one file has this content, or None where a UsageError of one line says why not."""
    path = root / name
    before = path.read_bytes() if path.is_file() else b""
    path.write_bytes(content)
    try:
        return load_studies(root)
    except UsageError as error:
        assert "\n" not in str(error)
        assert str(error).startswith(("studies.yaml", "envs.yaml")), error
        return None
    finally:
        path.write_bytes(before)


def sound(studies):
    """That every run of the studies lies where runs lie, and has a budget and a seed that can be."""
    for study in studies.values():
        assert isinstance(study, Study)
        for cell in study.cells:
            assert isinstance(cell.steps, int)
            assert cell.steps > 0
            for seed in cell.seeds:
                assert isinstance(seed, int)
                assert seed >= 0
                parts = cell.folder(seed).split("/")
                assert len(parts) == 6
                assert not {"", ".", ".."} & set(parts)
                assert cell.folder(seed).isprintable()


GOOD = {
    "tasks": ["Hopper"],
    "seeds": 2,
    "steps": 5000,
    "methods": {"trpo": None, "clip": {"algo": "ppo_clip", "epsilon": 0.1}, "s": {"algo": "pg", "step_size": 0.1}},
}


@pytest.fixture(scope="module", autouse=True)
def empty_studies(root):
    (root / "studies.yaml").write_text(yaml.safe_dump({"tiny": GOOD}))


@few
@given(st.binary(max_size=200))
def test_bytes_that_may_be_yaml(root, content):
    for name in ("studies.yaml", "envs.yaml"):
        sound(loaded(root, name, content) or {})


@few
@given(anything)
def test_yaml_of_any_shape(root, content):
    for name in ("studies.yaml", "envs.yaml"):
        text = yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "surrogatepass")
        sound(loaded(root, name, text) or {})


def places(value, path=()):
    """Where in a nested value something else can be put."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def changed(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy


@few
@given(st.sampled_from([path for path in places({"tiny": GOOD}) if path]), anything)
def test_a_study_in_which_one_thing_is_anything(root, path, new):
    text = yaml.safe_dump(changed({"tiny": GOOD}, path, new), allow_unicode=True).encode("utf-8", "surrogatepass")
    sound(loaded(root, "studies.yaml", text) or {})


@few
@given(
    st.sampled_from(["study", "method", "option", "task"]), st.text(max_size=12) | st.sampled_from(["..", "a/b", "x\n"])
)
def test_a_name_that_is_any_text(root, what, name):
    study = json.loads(json.dumps(GOOD))
    content = {name: study} if what == "study" else {"tiny": study}
    if what == "method":
        study["methods"] = {name: {"algo": "trpo"}}
    if what == "option":
        study["methods"] = {"trpo": {name: 1}}
    if what == "task":
        study["tasks"] = [name]
    text = yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "surrogatepass")
    studies = loaded(root, "studies.yaml", text) or {}
    sound(studies)
    assert all(name.isidentifier() and name.isascii() for name in studies)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 5000,
        b"a: " + b"{b: " * 3000,
        b"&a [*a]",
        b"tiny: &t {methods: *t}",
        b"? [1, 2]\n: 3",
        b"? {a: 1}\n: 3",
        b"tiny: {seeds: 99999999999999999999}",
        b"%YAML 9.9\n---\n{}",
        b"a: 1\n---\nb: 2",
        b"\t- a",
        b"\xff\xfe\x00",
        b"",
        b"tiny:",
        b"tiny: {}",
        b"!!python/object/apply:os.system ['true']",
        b"x: 2026-13-45",
        b"x: 1:99:99",
        b"<<: 3",
        b"<<: [1]",
    ],
    ids=lambda content: repr(content[:24]),
)
def test_yaml_made_to_hurt(root, content):
    for name in ("studies.yaml", "envs.yaml"):
        assert loaded(root, name, content) is None


@pytest.mark.parametrize("seeds", [10**9, 10**30, [2**70], 1e300, [0.5], [True], True])
def test_more_seeds_than_can_be(root, seeds):
    assert loaded(root, "studies.yaml", yaml.safe_dump({"tiny": GOOD | {"seeds": seeds}}).encode()) is None


def test_an_integer_that_no_float_holds(root):
    methods = {"clip": {"algo": "ppo_clip", "epsilon": 10**400}}
    assert loaded(root, "studies.yaml", yaml.safe_dump({"tiny": GOOD | {"methods": methods}}).encode()) is None


# Published curves

PAPER = (ROOT / "published/curves/ppo_paper_fig3.csv").read_bytes()


@pytest.fixture(scope="module")
def study():
    return make_study("tiny", {**GOOD, "methods": {"trpo": {"published": "TRPO"}}}, read_config(ROOT / "envs.yaml"))


def published(content, study, folder):
    """What is read of a published curve, or None where a UsageError of one line names the file."""
    path = folder / "published/curves/ppo_paper_fig3.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        return paper_curves(study, folder)
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
    assert len(published(PAPER, study, tmp_path)["Hopper", "trpo"]) == 101


# Tables


@pytest.fixture(scope="module")
def written(root, study, tmp_path_factory):
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
