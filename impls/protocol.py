"""The contract: what an implementation offers, what it is asked (`Call`) and what it answers (`Reply`). A leaf.

from veriformer import Implementation

impl = Implementation("my-kernels", backend="torch")

@impl.component
def attention(q, k, v, *, causal=False):
    return my_flash_attention(q, k, v, causal)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, overload

Tree = Any
"""Arrays, numbers and strings, alone or nested in dictionaries, lists and tuples."""
Path = tuple[str | int, ...]
"""Where a leaf of a tree is: (0,) is the first argument, (2, "w_q") an entry of the third."""
Function = TypeVar("Function", bound=Callable[..., Any])

BACKENDS = ("numpy", "torch", "jax")
DTYPES = ("float64", "float32", "bfloat16", "float16")
FORMS = ("function", "object")
RESULT_OF = "result_of"
"""In a script: key of an argument that stands for what an earlier step returned."""
COTANGENT = "cotangent"
"""In the layouts of a call, and among the names of what was changed: the cotangent."""
BUILD = "build"
"""In a script: the method that builds an object anew, from what follows in the place of the first argument."""
PRECISIONS = ("eager", "layer")
GENERATORS = ("the generator of numpy.random", "the generator of Python's random", "the generator of torch")
"""Random numbers that all code of a process draws from."""
Setting = tuple[Callable[[], Any], Callable[[Any], object]]
"""Something that all code of a process shares: how to look at it, and how to put back what was seen."""


class Misuse(Exception):
    """A declaration that cannot be judged as it stands; the message says what to write instead."""


@dataclass(frozen=True)
class Offer:
    """What an implementation declares of one component: plain data, without the function itself."""

    component: str
    keywords: frozenset[str] | None
    """Keywords that the function takes; None: any (`**kwargs`)."""
    positional: tuple[str, ...]
    """Names of the parameters without a default that can be given by position."""
    conventions: Mapping[str, Any]
    only: Mapping[str, tuple[Any, ...]]
    form: str
    precision: str | None
    computes_in: str | None
    accumulates_in: str | None
    vjp: bool = False
    """Is there a gradient function of its own?"""
    dtypes: tuple[str, ...] = ()
    """In which it is judged, and may be called."""

    def takes(self, keyword: str) -> bool:
        """May this keyword be passed?"""
        return self.keywords is None or keyword in self.keywords


class Implementation:
    """Something that offers components.

    name: what the reports call it. backend: whose arrays go in and out, "numpy", "torch" or "jax".
    devices, dtypes: what is judged, as far as this machine has it; everything else is `unsupported`.
    precision: "eager" (every operation may round to the dtype) or "layer" (float32 inside a component).
    Raises Misuse on a value that is not known.
    """

    def __init__(
        self,
        name: str,
        backend: str = "numpy",
        *,
        devices: Iterable[str] = ("cpu",),
        dtypes: Iterable[str] = ("float32", "float64"),
        precision: str | None = None,
        computes_in: str | None = None,
        accumulates_in: str | None = None,
    ) -> None:
        self.name = name
        self.backend = one_of("backend", backend, BACKENDS)
        self.devices = tuple(devices)
        self.dtypes = tuple(one_of("dtype", dtype, DTYPES) for dtype in dtypes)
        self.precision = precision if precision is None else one_of("precision", precision, PRECISIONS)
        self.computes_in = format_of("computes_in", computes_in)
        self.accumulates_in = format_of("accumulates_in", accumulates_in)
        self.offers: dict[str, Offer] = {}
        self.functions: dict[str, Callable[..., Any]] = {}
        self.pullbacks: dict[str, Callable[..., Any]] = {}

    def __repr__(self) -> str:
        return f"Implementation({self.name!r}, backend={self.backend!r}, offers={sorted(self.offers)})"

    @overload
    def component(self, function: Function, /) -> Function: ...

    @overload
    def component(
        self, name: str | None = None, /, *, only: Mapping[str, Any] | None = None, form: str = "function",
        precision: str | None = None, computes_in: str | None = None, accumulates_in: str | None = None,
        **conventions: Any,
    ) -> Callable[[Function], Function]: ...  # fmt: skip

    def component(
        self,
        what: Any = None,
        /,
        *,
        only: Mapping[str, Any] | None = None,
        form: str = "function",
        precision: str | None = None,
        computes_in: str | None = None,
        accumulates_in: str | None = None,
        **conventions: Any,
    ) -> Any:
        """Offer a component; the function is returned unchanged. Its name, or the string given, says which one.

        only: sizes that are supported, {"d_k": (64, 128), "length": range(128, 1025, 128), "rank": 4}.
        form: "object" for a class that keeps state. conventions: choices declared, eps=1e-6, variance="unbiased".
        precision: "eager" or "layer", for half types. computes_in: a format that is kept inside where the dtype is wider,
        "float32" or "tf32"; in narrower dtypes it says nothing. accumulates_in: the format of sums.
        """
        one_of("form", form, FORMS)
        if precision is not None:
            one_of("precision", precision, PRECISIONS)
        format_of("computes_in", computes_in)
        format_of("accumulates_in", accumulates_in)

        def offer(function: Function, name: str) -> Function:
            self.functions[name] = function
            keywords, positional = parameters(function, name)
            self.offers[name] = Offer(
                component=name,
                keywords=keywords,
                positional=positional,
                conventions=dict(conventions),
                only={size: admitted(size, values) for size, values in (only or {}).items()},
                form=form,
                precision=precision or self.precision,
                computes_in=computes_in or self.computes_in,
                accumulates_in=accumulates_in or self.accumulates_in,
                vjp=name in self.pullbacks,
                dtypes=self.dtypes,
            )
            return function

        if callable(what):
            return offer(what, name_of(what))
        return lambda function: offer(function, what or name_of(function))

    def vjp(self, component: str) -> Callable[[Function], Function]:
        """Offer the gradient of a component: `(cotangent, *its arguments, **its keywords) -> one gradient for each
        positional floating argument`, in order, in the same nesting. Returns the function unchanged."""
        if callable(component):
            raise Misuse('write @impl.vjp("attention"): a gradient must say whose it is')

        def offer(function: Function) -> Function:
            self.pullbacks[component] = function
            if component in self.offers:
                self.offers[component] = replace(self.offers[component], vjp=True)
            return function

        return offer


def one_of(what: str, value: str, known: tuple[str, ...]) -> str:
    """The value, if it is one of the known ones."""
    if value not in known:
        raise Misuse(f"{what} {value!r} is not known; one of {', '.join(map(repr, known))}")
    return value


def format_of(what: str, value: str | None) -> str | None:
    """A format of floating-point numbers that may be computed in, or None."""
    return value if value is None else one_of(what, value, (*DTYPES, "tf32"))


def name_of(function: Callable[..., Any]) -> str:
    """The function's own name, which says which component it is."""
    name = getattr(function, "__name__", None)
    if not isinstance(name, str) or name == "<lambda>":
        raise Misuse(f"{function!r} has no name that could say which component it is; "
                     'write impl.component("attention")(function)')  # fmt: skip
    return name


def admitted(size: str, values: Any) -> tuple[Any, ...]:
    """The admitted values of a size: a number, or any collection of them."""
    if isinstance(values, int):
        return (values,)
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise Misuse(f"only={{{size!r}: {values!r}}}: give a number, a tuple or a range of the sizes supported")
    return tuple(values)


def parameters(function: Callable[..., Any], name: str) -> tuple[frozenset[str] | None, tuple[str, ...]]:
    """The keywords a function takes (None: any), and its positional parameters without default."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        raise Misuse(
            f"{name}: the signature of {function!r} cannot be read (a C built-in?); wrap it:\n"
            f"    @impl.component\n    def {name}(...):\n        return ..."
        ) from None
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = signature.parameters.values()
    positional = tuple(p.name for p in found if p.kind in by_position and p.default is inspect.Parameter.empty)
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in found):
        return None, positional
    by_keyword = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return frozenset(p.name for p in found if p.kind in by_keyword), positional


@dataclass(frozen=True)
class Call:
    """One question to an implementation. Arrays are NumPy's (ml_dtypes for bfloat16)."""

    component: str
    arguments: tuple[Tree, ...] = ()
    options: Mapping[str, Tree] = field(default_factory=dict)
    cotangent: Tree | None = None
    """Ask for gradients too: the array that multiplies the output from the left."""
    layouts: Mapping[Path, str] = field(default_factory=dict)
    """How leaves of `arguments`, of options under their names, and of the cotangent under its own lie in memory; see
    impls/layout.py."""
    aliases: tuple[tuple[int, ...], ...] = ()
    """Positions that are handed over as one object."""
    before: tuple[Call, ...] = ()
    """Earlier calls, made first in the same process."""
    threads: int = 1
    """Ask so many threads at once, besides: each makes the earlier calls and this one, over and over."""
    script: Tree = ()
    """What objects are driven by, where the component is a class: (method, object, *arguments) for each step, in order.
    Objects are numbered, and each is built afresh from `arguments` and `options` when it is first named. An argument
    {"result_of": n} is what step n returned. The outputs are one for each step: what `step` returned, None for others."""
    watched: bool = False
    """See whether the world is left as it was found."""
    in_place: bool = False
    """Objects may overwrite what they are built from: each is given arrays of its own, and what a step returns is copied
    when it comes."""


@dataclass(frozen=True)
class Raised:
    """An exception, or an answer that is none."""

    type: str
    message: str
    declined: bool = False
    """NotImplementedError: the implementation says that it does not support the case."""
    traceback: str = ""
    fatal: bool = False
    """The process did not survive the call, or had to be stopped."""
    stopped: bool = False
    """It was stopped, for the time or the memory that it took, or gave up for lack of it."""


@dataclass(frozen=True)
class Reply:
    """What an implementation answered, as NumPy arrays."""

    outputs: Tree | None = None
    raised: Raised | None = None
    outputs_with_grad: Tree | None = None
    """The outputs once more, computed while gradients were recorded."""
    gradients: tuple[Tree, ...] | None = None
    """One tree per positional floating argument; a leaf that no gradient reached is None."""
    changed_arguments: tuple[str, ...] = ()
    kept_changed: bool = False
    """Did a result kept from an earlier call change?"""
    world_changed: tuple[str, ...] = ()
    """What every call changes of the world around it, where that was watched."""
    others: tuple[Tree, ...] = ()
    """What other threads were answered, as far as it differs from the outputs; each difference once."""
    dtype: str = ""
    """The dtype of the first output leaf, in the backend's own arrays; empty where only numbers were answered."""
    device: str = ""
    seconds: float = 0.0


class Backend(Protocol):
    """A framework, as a module: arrays in and out, gradients, waiting, devices. Native arrays never leave it."""

    def versions(self) -> dict[str, str]: ...
    def devices(self) -> tuple[str, ...]: ...
    def seed(self, seed: int) -> None: ...
    def settings(self) -> Mapping[str, Setting]:
        """What all code of this framework shares: default dtype, grad mode, the global generator."""

    def arithmetic(self, dtype: str) -> AbstractContextManager[Any]:
        """The mode in which a dtype is judged (JAX: float64 needs x64 on, every other dtype has it off)."""

    def switches(self, dtype: str, device: str) -> Mapping[str, str | int]:
        """What the framework's switches, as they stand, let it round inside a matrix product: `products`, the format of the
        factors; `partial_sums`, that in which sums of at least `terms` products are put together."""

    def move_in(self, array: Any, device: str) -> Any: ...
    def move_out(self, native: Any) -> Any: ...
    def is_native(self, value: Any) -> bool: ...
    def dtype_of(self, native: Any) -> str: ...
    def device_of(self, native: Any) -> str: ...
    def wait(self, native: Tree) -> None: ...
    def plain(self, function: Callable[..., Any], arguments: Any, options: Any) -> Any:
        """The function's answer, without gradients recorded."""

    def gradients(self, function: Callable[..., Any], arguments: Any, options: Any, cotangent: Any) -> Any:
        """The function's answer and one gradient tree for each positional argument with floating leaves."""


class Door(Protocol):
    """The only way to an implementation, opened for one dtype and device. Behind it: its process, its framework."""

    @property
    def name(self) -> str: ...
    @property
    def backend(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def offers(self) -> Mapping[str, Offer]: ...
    @property
    def switches(self) -> Mapping[str, str | int]:
        """See Backend; and `flushes`: were numbers below the smallest normal one seen to become 0?"""

    def begin(self, seed: int) -> None:
        """A law begins: behind a door of its own an implementation draws the same random numbers in every run."""

    def ask(self, call: Call) -> Reply:
        """Answer one call. An exception of the implementation is an answer, not an exception, and so is its death."""

    def forget(self) -> bool:
        """Is the next call answered by a fresh process, which knows of no earlier one? Not where there is none to replace."""

    def close(self) -> None: ...
