"""The content key changes with what decides a run's numbers, and with nothing else."""

import shutil
import textwrap

import pytest

from core.errors import UsageError
from core.key import ROOT, canonical, closure, sources_changed, sources_digest

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


def test_a_module_outside_the_packages_counts_and_relative_imports_are_refused(project):
    path, before = project / "algos/trpo.py", sources_digest("trpo", project)
    assert not sources_changed("trpo", project)
    (project / "helpers.py").write_text("x = 1\n")
    path.write_text(path.read_text().replace("import torch\n", "import helpers\nimport torch\n"))
    assert sources_changed("trpo", project)
    assert project / "helpers.py" in closure([path], project)
    assert sources_digest("trpo", project) == before, "what this process began with"
    path.write_text(path.read_text().replace("import helpers\n", "from . import npg\n"))
    with pytest.raises(UsageError, match=r"^algos/trpo.py: line \d+: write imports in full"):
        sources_changed("trpo", project)


def test_the_closure_is_the_algorithm_and_the_loop_with_all_they_import():
    names = {path.relative_to(ROOT).as_posix() for path in closure([ROOT / "algos/trpo.py", ROOT / "core/run.py"])}
    assert {"algos/trpo.py", "core/run.py", "core/natural.py", "core/networks.py", "core/advantage.py"} <= names
    outside = {
        "core/train.py",
        "core/files.py",
        "core/plan.py",
        "core/options.py",
        "core/key.py",
        "core/random_score.py",
    }
    assert not names & outside
    assert not any(name.startswith("algos/") for name in names - {"algos/trpo.py"})
