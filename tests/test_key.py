"""The content key changes with what decides a run's numbers, and with nothing else."""

import textwrap

import pytest

from core.key import ROOT, canonical, closure

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


def test_a_file_that_does_not_parse_stands_as_it_is():
    assert canonical(b"def f(:  # x\n") == "def f(:  # x\n"


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
