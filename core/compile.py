"""Functions of tensors as machine code: traced once, compiled once, kept on disk for every run that needs them.

A small network's update is a hundred tensor operations of a few microseconds each, and as many of overhead. Here
the whole of it becomes one call into a shared library that TorchInductor makes ahead of time.
"""

import contextlib
import copy
import functools
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from core.machine import cpu

CACHE = Path(__file__).resolve().parent.parent / "work" / "compiled"
OPTIONS: dict[str, Any] = {"cpp.threads": 1}  #: TorchInductor's: a run is one thread
FORMAT = 1  #: raised when the code of a graph changes here


class Graph:
    """A function of tensors, compiled at its first call where ``compiled`` is set; else the function itself.

    Its arguments are tensors, NamedTuples and tuples of them, and constants, which stay the same from call to call.
    ``f`` must do the same whatever the tensors hold, and use no other tensors; it may change them in place. It
    is compiled for the shapes of the first call; a call with others (the last minibatch of an epoch) runs ``f``.
    Compiled and not, the last bits differ.
    """

    def __init__(self, f: Callable, compiled: bool):
        self._f, self._compiled = f, compiled
        self._shapes: list[torch.Size] | None = None
        self._constants: list[object] | None = None

    def __deepcopy__(self, memo: dict) -> "Graph":
        return Graph(copy.deepcopy(self._f, memo), self._compiled)  # what is loaded cannot be copied, but loaded again

    def __call__(self, *arguments):
        """What ``f`` returns: a tensor, a tuple of tensors or nothing."""
        tensors: list[torch.Tensor] = []
        constants: list[object] = []
        _sort(arguments, tensors, constants)
        if self._constants is None:
            self._constants = constants
        elif constants != self._constants:
            raise TypeError(f"{_name(self._f)}: what is no tensor stays the same; give a number that changes as one")
        if not self._compiled:
            return self._f(*arguments)
        shapes = [tensor.shape for tensor in tensors]
        if self._shapes is None:
            self._run, self._returns = _load(lambda *flat: self._f(*filled(arguments, iter(flat))), tensors, self._f)
            self._shapes = shapes
        if shapes != self._shapes:
            return self._f(*arguments)
        out = self._run([tensor if tensor.is_contiguous() else tensor.contiguous() for tensor in tensors])
        return None if self._returns is None else out[0] if self._returns is torch.Tensor else tuple(out)


def leaves(value: tuple) -> list[torch.Tensor]:
    """The tensors of a tuple, of tuples in it as well, in their order."""
    tensors: list[torch.Tensor] = []
    _sort(value, tensors, [])
    return tensors


def _sort(value: tuple, tensors: list[torch.Tensor], constants: list[object]) -> None:
    """Add what a tuple holds, and tuples in it, to these lists."""
    for item in value:
        if isinstance(item, torch.Tensor):
            tensors.append(item)
        elif isinstance(item, tuple):
            _sort(item, tensors, constants)
        else:
            constants.append(item)


def filled(value: Any, tensors: Iterator[torch.Tensor]) -> Any:
    """``value`` with other tensors in the places of its own."""
    if isinstance(value, torch.Tensor):
        return next(tensors)
    if not isinstance(value, tuple):
        return value
    items = [filled(item, tensors) for item in value]
    return type(value)(*items) if hasattr(value, "_fields") else tuple(items)


def gradient(f: Callable, vectors: Sequence[torch.Tensor], *data: object) -> tuple[torch.Tensor, ...]:
    """∇f by each of ``vectors``, where ``f(*vectors, *data)`` is a scalar."""
    leaf = [v.detach().requires_grad_() for v in vectors]
    return torch.autograd.grad(f(*leaf, *data), leaf)


def compile_for(march: str) -> None:
    """Have graphs compiled for processors of this kind, by its name at the compiler, and not for this one."""
    OPTIONS["cpp.march"] = march  # part of the name that a graph is kept under


def compiler() -> str | None:
    """The C++ compiler that would be used, as TorchInductor chooses it; None where there is none."""
    return shutil.which(os.environ.get("CXX", "clang++" if os.uname().sysname == "Darwin" else "g++"))


def _load(f: Callable, tensors: list[torch.Tensor], named: Callable) -> tuple[Callable, type | None]:
    """``f`` as machine code, from the cache or made now: how to run it, and what it returns."""
    recorder = Recorder(tensors)
    with recorder:
        try:
            returned = f(*recorder.examples)
        except UnknownTensor:
            said = "uses a tensor that is not an argument, and would keep its first value"
            raise TypeError(f"{_name(named)}: {said}") from None
    content = [recorder.lines, OPTIONS, torch.__version__, cpu(), FORMAT]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
    folder = CACHE / digest
    try:
        if not folder.is_dir():
            CACHE.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(f"{folder}.lock"):  # of sixteen runs that start at once, one compiles
                if not folder.is_dir():
                    _compile(f, tensors, folder)
        # As torch._inductor.aoti_load_package, but without its second of imports and its wrapper around each call; and
        # from a folder, for of a file it would leave an unpacked copy in /tmp whenever a run is killed.
        loader = torch._C._aoti.AOTIModelPackageLoader(str(folder), "model", True, 1, -1)
    except (OSError, RuntimeError) as error:  # a disk that is full, say, or one from which nothing may be run
        raise NotCompiled(f"{folder.parent}: {_reason(error)}") from error
    return loader.run, None if returned is None else torch.Tensor if isinstance(returned, torch.Tensor) else tuple


def _name(f: Any) -> str:
    """The function's, also of one with arguments given: of an optimiser's step, the loss that it descends."""
    while isinstance(f, functools.partial):
        f = next((given for given in f.args if isinstance(given, functools.partial)), f.func)
    return f"{f.__module__}.{f.__qualname__}"


class NotCompiled(Exception):
    """The compiler fails, or what it made cannot be loaded; the message says which compiler, and its own first line."""


class UnknownTensor(Exception):
    """An operation on a tensor from nowhere."""


class Recorder(TorchDispatchMode):
    """Notes what torch executes, line by line: operations with their arguments, tensors by number.

    Two functions with the same lines are one graph. Tracing would tell as much, for a second of imports and 80 MB.
    """

    def __init__(self, tensors: Sequence[torch.Tensor]):
        super().__init__()
        self.examples = [tensor.clone(memory_format=torch.contiguous_format) for tensor in tensors]
        self.lines = [f"{list(tensor.shape)} {tensor.dtype}" for tensor in tensors]
        self._known = {id(tensor): (k, tensor) for k, tensor in enumerate(self.examples)}  # held: an id is used again

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch would import all of Dynamo, only to tell it to stay out of here

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = tree_map(self._number, [args, kwargs])
        out = func(*args, **kwargs)
        self.lines.append(f"{func} {given} {tree_map(self._numbered, out)}")
        return out

    def _number(self, value: object) -> object:
        if not isinstance(value, torch.Tensor):
            return value
        if id(value) not in self._known:
            raise UnknownTensor
        return f"tensor {self._known[id(value)][0]}"

    def _numbered(self, value: object) -> object:
        if isinstance(value, torch.Tensor):
            self._known.setdefault(id(value), (len(self._known), value))
        return self._number(value)


def _tanh(x: torch.Tensor) -> torch.Tensor:
    """tanh within 2e-7, three times as fast as TorchInductor's own; it is half of a small network's time."""
    return 1 - 2 / (torch.exp(2 * x) + 1)


def _compile(f: Callable, tensors: list[torch.Tensor], folder: Path) -> None:
    """``f`` for tensors like these, as a package of TorchInductor's in ``folder``. Raises NotCompiled."""
    with tempfile.TemporaryDirectory(dir=CACHE) as unfinished, _places(CACHE / "inductor", unfinished):
        import torch._inductor.cpp_builder as builder  # heavy: only the first run of a kind needs it
        from torch._inductor import cpu_vec_isa
        from torch.fx.experimental.proxy_tensor import make_fx

        warnings.filterwarnings("ignore", category=FutureWarning, module="copyreg")  # torch's own, of its own
        examples = tuple(tensor.clone(memory_format=torch.contiguous_format) for tensor in tensors)
        graph = make_fx(f, decomposition_table={torch.ops.aten.tanh.default: _tanh})(*examples)
        program = torch.export.export(graph, examples, strict=False)
        package = Path(unfinished) / "graph.pt2"
        # Headers compiled beforehand would lie in a temporary folder that is the whole system's.
        how = OPTIONS | {"aot_inductor.precompile_headers": False}
        with _odd_paths(builder):
            try:
                torch._inductor.aoti_compile_and_package(program, package_path=str(package), inductor_configs=how)
                if torch.backends.cpu.get_cpu_capability().startswith("AVX") and not cpu_vec_isa.valid_vec_isa_list():
                    raise RuntimeError("its code for AVX2 does not run here")  # which TorchInductor would not say
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                raise NotCompiled(f"{compiler()}: {_reason(error)}") from error
        with zipfile.ZipFile(package) as archive:
            archive.extractall(Path(unfinished) / "graph")
        os.replace(Path(unfinished) / "graph", folder)


@contextlib.contextmanager
def _places(cache: Path, temporary: str) -> Iterator[None]:
    """Have TorchInductor and the compiler write here, wherever the environment would have them write."""
    environment, before = dict(os.environ), tempfile.tempdir
    for name in [name for name in environment if name.startswith("TORCHINDUCTOR_")]:
        del os.environ[name]  # of which some would decide what is made
    os.environ |= {"TORCHINDUCTOR_CACHE_DIR": str(cache), "TMPDIR": temporary, "LC_ALL": "C"}
    tempfile.tempdir = temporary
    try:
        yield
    finally:
        tempfile.tempdir = before
        os.environ.clear()
        os.environ.update(environment)


@contextlib.contextmanager
def _odd_paths(builder: Any) -> Iterator[None]:
    """Have TorchInductor's command for the compiler hold paths with a space or a quote: of some it quotes none."""
    run = builder._run_compile_cmd
    odd = [path for path in (str(CACHE), str(Path(torch.__file__).parent)) if shlex.quote(path) != path]

    def quoted(line: str, cwd: str) -> None:
        for i, path in enumerate(odd):
            for written in (shlex.quote(path)[1:-1], path):  # within quotes, or not
                line = line.replace(written, f"@path{i}@")
        words = shlex.split(line)
        for i, path in enumerate(odd):
            words = [word.replace(f"@path{i}@", path) for word in words]
        run(shlex.join(words), cwd)

    builder._run_compile_cmd = quoted
    try:
        yield
    finally:
        builder._run_compile_cmd = run


def _reason(error: BaseException) -> str:
    """The compiler's own first line about an error, where it said one."""
    while not hasattr(error, "output") and (inner := getattr(error, "inner_exception", error.__cause__)):
        error = inner
    said = str(getattr(error, "output", error) or error)
    lines = [line.strip() for line in said.splitlines() if line.strip()] or [type(error).__name__]
    return next((line for line in lines if "error" in line.lower()), lines[0])
