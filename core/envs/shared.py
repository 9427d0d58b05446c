"""The variables of a task's modules and classes, which all its copies share. They should stay as they were made.

No copy's state has them. A task may write into them all the same, such as a counter by which it grows harder; then a
run that is resumed would find them as they were made. So they are watched: by digests, since nothing need be put back.
"""

import hashlib
import inspect
import os
import sys
import types

import gymnasium

from core.envs.making import layers
from core.envs.state import NotKept, pack

LIBRARIES = {"gymnasium", "mujoco", "numpy", "torch", "core", *sys.stdlib_module_names}
CODE = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type, property, classmethod, staticmethod)


def digests(env: gymnasium.Env) -> dict[str, str]:
    """By name, digests of all variables that the modules and classes of a task and its wrappers have."""
    kinds = {kind for layer in layers(env) for kind in type(layer).__mro__ if _root(kind.__module__) not in LIBRARIES}
    roots = {_root(kind.__module__) for kind in kinds}
    found: dict[str, object] = {}
    for name, module in sorted(sys.modules.items()):
        if isinstance(module, types.ModuleType) and (_root(name) in roots or _beside(module)):
            found |= {f"{name}.{variable}": value for variable, value in vars(module).items()}
    for kind in kinds:
        found |= {f"{kind.__module__}.{kind.__qualname__}.{name}": value for name, value in vars(kind).items()}
    return {name: _digest(value) for name, value in sorted(found.items()) if _variable(name, value)}


def changed(before: dict[str, str], now: dict[str, str]) -> str | None:
    """The first variable that differs; those that came or went with a module that was loaded since do not count."""
    return next((name for name in before if now.get(name, before[name]) != before[name]), None)


def _root(module: str) -> str:
    return module.partition(".")[0]


def _beside(module: types.ModuleType) -> bool:
    """Whether it is a file beside the Snakefile, such as a helper of the task's: runs start there."""
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and os.path.dirname(os.path.abspath(file)) == os.getcwd()


def _variable(name: str, value: object) -> bool:
    short = name.rpartition(".")[2]
    return not (short.startswith("__") or short == "_abc_impl" or isinstance(value, CODE) or inspect.isroutine(value))


def _digest(value: object) -> str:
    try:
        state = pack({"": value}, ordered=True)
    except NotKept:
        return type(value).__name__  # what it hides cannot be watched
    nodes = [node[1].cpu().numpy().tobytes() if node[0] == "tensor" else node for node in state["nodes"]]
    text = repr([state["roots"], nodes]).encode() + state["data"].numpy().tobytes()
    return hashlib.sha256(text).hexdigest()[:16]
