"""The content key changes with what decides a run's numbers, and with nothing else."""

import shutil
import textwrap

import pytest

from core.errors import UsageError
from study.key import ROOT, _first_seen, sources_changed, sources_digest
from study.sources import Digests, canonical, closure

SOURCE = textwrap.dedent(
    '''
    """What the module is."""
    import math

    def area(r):
        """What the function does."""
        text = f"{r!r:>{3}} # not a comment"
        return math.pi * r ** 2
    '''
)


def same(text):
    return canonical(text.encode()) == canonical(SOURCE.encode())


@pytest.mark.parametrize(
    "edit",
    [
        lambda s: s.replace("import math", "import math  # for pi"),
        lambda s: "# a comment first\n" + s,
        lambda s: s.replace("def area", "\n\n\ndef area"),
        lambda s: s.replace("What the function does", "Something else\n\n    and more"),
        lambda s: s.replace('    """What the function does."""\n', ""),
        lambda s: s.replace("What the module is", "Other words"),
        lambda s: s.replace("r ** 2", "r**2"),
        lambda s: s.replace("math.pi * r ** 2", "math.pi * r ** 2  "),
        lambda s: s.replace("    ", "  "),
        lambda s: s.replace("\n", "\r\n"),
        lambda s: "\ufeff" + s,
    ],
)
def test_comments_docstrings_and_layout_do_not_count(edit):
    edited = edit(SOURCE)
    assert edited != SOURCE
    assert same(edited)


@pytest.mark.parametrize(
    "edit",
    [
        lambda s: s.replace("r ** 2", "r ** 3"),
        lambda s: s.replace("not a comment", "another text"),
        lambda s: s.replace("{3}", "{4}"),
        lambda s: s.replace("    return", "    if r:\n        return"),
        lambda s: s.replace("import math", "import math, sys"),
        lambda s: s.replace("def area(r):", 'x = "a string that is a value"\ndef area(r):'),
    ],
)
def test_code_counts(edit):
    assert not same(edit(SOURCE))


def test_indentation_counts():
    one, other = "if a:\n    b()\n    c()\n", "if a:\n    b()\nc()\n"
    assert canonical(one.encode()) != canonical(other.encode())


@pytest.fixture
def project(tmp_path):
    for name in ("core", "algos"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_file_that_does_not_parse_is_named(project):
    (project / "core/policy.py").write_text("x = 1\ndef f(:\n")
    with pytest.raises(UsageError, match=r"^core/policy.py: line 2: "):
        sources_digest("trpo", project)


def digests(project):
    """Of every algorithm, read anew."""
    sources_digest.cache_clear(), _first_seen.cache_clear()
    return {path.stem: sources_digest(path.stem, project) for path in sorted((project / "algos").glob("[a-z]*.py"))}


def test_modules_can_be_moved_and_renamed(project):
    """Seven go elsewhere, under other names, one of them into a package of its own, and no key changes."""
    moved = {
        "core.adam": "core.adam",
        "core.compile": "core.compile",
        "core.envs.vector": "core.envs.vector",
        "core.envs.recorded": "core.envs.recorded",
        "core.normalise": "maths.normalise",
        "core.streams": "core.streams",
        "core.natural": "geometry",
    }
    before = digests(project)
    assert len(before) >= 11 and len(set(before.values())) == len(before)
    for old, new in moved.items():
        target = project.joinpath(*new.split(".")).with_suffix(".py")
        target.parent.mkdir(exist_ok=True)
        project.joinpath(*old.split(".")).with_suffix(".py").rename(target)
        (target.parent / "__init__.py").touch()
    for path in project.rglob("*.py"):
        text = path.read_text()
        for old, new in moved.items():
            text = text.replace(f"from {old} import", f"from {new} import")
        path.write_text(text)
    assert digests(project) == before
    path = project / "core/advantage.py"
    path.write_text(path.read_text().replace("gamma * lam", "lam * gamma"))
    assert not set(digests(project).values()) & set(before.values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "from core.natural import conjugate_gradient, fisher",
            "from core.natural import fisher as conjugate_gradient, fisher",
        ),
        ("from typing import Literal\n", "from typing import Any, Literal\n"),
    ],
    ids=["another name of the same module", "a library"],
)
def test_imports_count_by_what_they_bring(project, old, new):
    before, path = digests(project), project / "algos/trpo.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    after = digests(project)
    assert {name for name in before if before[name] != after[name]} == {"trpo"}


def test_an_empty_package_does_not_count_and_a_full_one_does(project):
    before = digests(project)
    (project / "core/__init__.py").write_text('"""Other words."""\n')
    assert digests(project) == before
    (project / "core/__init__.py").write_text("import warnings\n\nwarnings.simplefilter('ignore')\n")
    assert not set(digests(project).values()) & set(before.values())


def test_modules_in_a_circle_have_digests(tmp_path):
    """The same whatever was asked for before; and many of them, each importing all others, take no time."""
    names = [f"m{i}" for i in range(30)]
    for name in names:
        others = "".join(f"import {other}\n" for other in names if other != name)
        (tmp_path / f"{name}.py").write_text(f"{others}\nx_{name} = 1\n")
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(f"import m{3 * (name == 'b')}\n")

    def of(*asked):
        digests = Digests([tmp_path])
        return {name: digests.of(tmp_path / f"{name}.py") for name in asked}

    before = of("a", "b", *names)
    assert len(set(before.values())) == 32
    assert of("b", "a", *reversed(names)) == before == {name: of(name)[name] for name in before}
    (tmp_path / "m7.py").write_text((tmp_path / "m7.py").read_text().replace("= 1", "= 2"))
    assert not set(before.values()) & set(of("a", "b", *names).values())


def test_a_module_outside_the_packages_counts_and_so_does_one_that_is_imported_by_its_place(project):
    path, before = project / "algos/trpo.py", sources_digest("trpo", project)
    assert not sources_changed("trpo", "Hopper-v4", project)
    (project / "helpers.py").write_text("x = 1\n")
    path.write_text(
        path.read_text().replace("from typing import Literal\n", "from typing import Literal\n\nimport helpers\n")
    )
    assert sources_changed("trpo", "Hopper-v4", project)
    assert project / "helpers.py" in closure([path], [project])
    assert sources_digest("trpo", project) == before, "what this process began with"
    path.write_text(path.read_text().replace("import helpers\n", "from . import npg\n"))
    assert project / "algos/npg.py" in closure([path], [project])


def test_the_closure_is_the_algorithm_and_the_loop_with_all_they_import():
    found = closure([ROOT / "algos/trpo.py", ROOT / "core/run.py"], [ROOT])
    names = {path.relative_to(ROOT).as_posix() for path in found}
    assert {"algos/trpo.py", "core/run.py", "core/natural.py", "core/networks.py", "core/advantage.py"} <= names
    outside = {"train", "files", "plan", "options", "key", "random_score"}
    assert not names & {f"core/{name}.py" for name in outside}
    assert {name for name in names if name.startswith("algos/")} <= {"algos/trpo.py", "algos/__init__.py"}
