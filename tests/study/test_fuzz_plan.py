"""Whatever stands in ``envs.yaml`` or ``studies.yaml``, the answer is a plan or one line."""

import json
import shutil

import pytest
import yaml
from fuzz import anything, few
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from study.cells import Study
from study.plan import ROOT, load_studies

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """What a plan is made from, with a copy of the sources that options are read from."""
    root = tmp_path_factory.mktemp("root")
    for name in ("core", "algos", "schemas", "study"):
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
