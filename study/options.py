"""Options as data: what an algorithm's ``Config`` declares, read without importing it.

The workflow plans thousands of runs and must know every default; importing the modules would import torch.
So the fields are read from the source: ``name: type = literal  #: what it is (source)``.
"""

import ast
import difflib
import functools
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UsageError
from study.key import ROOT

FINITE = sys.float_info.max
COUNT = (1, FINITE, "this is a count, 1 or more")
#: Kinds of options that are numbers, by the name in a ``Config`` (``core/kinds.py``): least, most, and what to say.
KINDS = {
    "int": COUNT,
    "Steps": COUNT,
    "float": (0, FINITE, "give a number 0 or more, and finite"),
    "Positive": (sys.float_info.min, FINITE, "give a number above 0, and finite"),
    "Share": (0, 1, "give a number from 0 to 1"),
}
WHOLE = ("int", "Steps")  #: those of them that are counts


@dataclass(frozen=True)
class Field:
    """One option."""

    name: str
    type: str  #: one of KINDS, "bool" or "choice"
    default: object
    choices: tuple = ()
    doc: str = ""  #: the ``#:`` comment beside it

    def check(self, value: Any, where: str) -> Any:
        """``value`` as this option's type. Raises UsageError, which names ``where``."""
        if self.type == "choice":
            if value in self.choices:
                return value
            raise UsageError(f"{where}: {nearest(value, self.choices)}")
        if self.type == "bool" and isinstance(value, bool):
            return value
        whole, number = self.type in WHOLE, isinstance(value, int | float) and not isinstance(value, bool)
        if self.type in KINDS and number and (not whole or value == value // 1):
            least, most, allowed = KINDS[self.type]
            if least <= value <= most:
                return int(value) if whole else float(value)
            raise UsageError(f"{where}: {value} is out of range: {allowed}")
        wanted = "true or false" if self.type == "bool" else "a whole number" if whole else "a number"
        raise UsageError(f"{where}: must be {wanted}, not {value!r} ({type(value).__name__})")


def nearest(name: object, valid) -> str:
    """What to say of an unknown name: the nearest valid one, or all of them."""
    valid = sorted(" ".join(str(name).split()) for name in valid)
    close = difflib.get_close_matches(str(name), valid, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(valid)}"
    return f"{name!r} is unknown; {hint}"


@functools.cache
def algorithms(root: Path = ROOT) -> list[str]:
    """Names of the modules in ``algos/``, sorted."""
    return sorted(p.stem for p in (root / "algos").glob("*.py") if p.stem != "__init__")


@functools.cache
def option_fields(algo: str, root: Path = ROOT) -> dict[str, Field]:
    """Every option a run of ``algo`` has, by name: those of any run first, then its own."""
    own_path, common_path = root / "algos" / f"{algo}.py", root / "core" / "run.py"
    common, own = read_fields(common_path, "Common"), read_fields(own_path, "Config")
    if both := sorted(common.keys() & own.keys()):
        raise UsageError(f"algos/{algo}.py: Config: {both[0]!r} is already an option of every run; choose another name")
    if not _defines(own_path, "update"):
        raise UsageError(f"algos/{algo}.py: no function update(agent, batch, cfg, state): see docs/extend.md")
    needed = () if _defines(own_path, "collect") else ("batch", "gamma", "lam")
    for name in needed:
        if name not in own:
            raise UsageError(f"algos/{algo}.py: Config: needs the option {name!r}, which the rollout reads")
    return common | own


def least_steps(algo: str, options: dict, root: Path = ROOT) -> int:
    """The fewest environment steps that an update takes, by the options; 0 where they do not say.

    They are the option ``batch`` or, of a method that collects in its own way, any of the kind ``Steps``.
    """
    counts = [name for name, field in option_fields(algo, root).items() if name == "batch" or field.type == "Steps"]
    return max((options[name] for name in counts), default=0)


def read_fields(path: Path, class_name: str) -> dict[str, Field]:
    """The fields of a dataclass, from its source text. Raises UsageError where they are not plain."""
    where = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UsageError(f"{where}: line {error.lineno}: {error.msg}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}: {error}") from None
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name]
    bodies = [node.body for node in classes if any("dataclass" in ast.unparse(d) for d in node.decorator_list)]
    if not bodies:
        raise UsageError(f"{where}: no dataclass {class_name!r}: see docs/extend.md")
    lines = text.splitlines()
    found = {}
    for node in bodies[0]:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, line = node.target.id, lines[(node.end_lineno or node.lineno) - 1]
            doc = re.search(r"#:\s*(.*)", line)
            found[name] = _field(node, name, doc[1] if doc else "", f"{where}: {class_name}.{name}")
    return found


def _defines(path: Path, function: str) -> bool:
    """Whether a module that parses has a function of this name."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in body)


def _field(node: Any, name: str, doc: str, where: str) -> Field:
    """A field, from its ``ast.AnnAssign``."""
    try:
        default = ast.literal_eval(node.value)
    except (ValueError, TypeError):
        raise UsageError(f"{where}: the default must be a plain literal, such as 0.01 or True") from None
    annotation = node.annotation
    if isinstance(annotation, ast.Name) and annotation.id in (*KINDS, "bool"):
        field = Field(name, annotation.id, default, doc=doc)
    elif choices := _choices(annotation):
        field = Field(name, "choice", default, choices, doc)
    else:
        raise UsageError(
            f"{where}: the type must be bool, Literal[…] or one of {', '.join(KINDS)}, not {ast.unparse(annotation)}"
        )
    return Field(name, field.type, field.check(default, where), field.choices, doc)


def _choices(annotation: ast.expr) -> tuple[str, ...]:
    """The strings of a ``Literal["a", "b"]``; none of anything else."""
    if not isinstance(annotation, ast.Subscript) or getattr(annotation.value, "id", "") != "Literal":
        return ()
    given = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    texts = [node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return tuple(texts) if len(texts) == len(given) else ()
