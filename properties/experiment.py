"""Experiment: what a law may do. It asks the implementation, and knows the certified truth and the bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from veriformer.impls.protocol import Call, Door, Path, Raised, Reply, Tree
from veriformer.impls.tree import leaves, spelled
from veriformer.properties.formula import Question, is_floating
from veriformer.properties.law import Case, Evidence, as_float64, differing
from veriformer.properties.truth import Refutes, Truth, Truths, compared, place
from veriformer.spec import Component, Slip
from veriformer.spec.numbers.precision import Precision, precision_of


class Asked(Exception):
    """The implementation raised in place of answering."""

    def __init__(self, raised: Raised, call: Call) -> None:
        super().__init__(raised.message)
        self.raised = raised
        self.call = call


class Misshapen(Exception):
    """The answer is not nested, or not shaped, as the formula's: that alone is evidence."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence.comparison)
        self.evidence = evidence


def described(outputs: Mapping[Path, Any]) -> str:
    """Which arrays there are, and of which shapes."""
    return ", ".join(f"{place(path)}: {np.shape(getattr(o, 'value', o))}" for path, o in outputs.items()) or "none"


@dataclass(frozen=True)
class Answer:
    """What the implementation answered to one question, with its truth and bound at hand."""

    question: Question
    reply: Reply
    truths: Truths
    hasty: Refutes | None = None
    """Of an answer that this refutes, it is only wanted that it does."""

    @cached_property
    def value(self) -> np.ndarray:
        """The one output as float64. Raises Misshapen when it is not one array of the formula's shape."""
        return as_float64(self.output(()))

    @cached_property
    def outputs(self) -> list[tuple[Path, Truth]]:
        """Path and truth of every array answered."""
        return self.truths.of(self.question.key + b"outputs", self.question.outputs)

    @cached_property
    def wanted(self) -> dict[Path, Truth]:
        """The same by path."""
        return dict(self.outputs)

    @cached_property
    def found(self) -> dict[Path, Any]:
        """Every array answered, under its path, whatever was wanted."""
        return {path: leaf for path, leaf in leaves(self.reply.outputs) if leaf is not None}

    @property
    def truth(self) -> Truth:
        """The certified output and its bound, of a component that answers one array."""
        return self.outputs[0][1]

    def arrays(self) -> list[tuple[Path, np.ndarray]]:
        """Every array answered, as it came. Raises Misshapen when they are not the formula's."""
        return [(path, self.output(path)) for path, _ in self.outputs]

    def each(self) -> Iterator[tuple[Path, np.ndarray, Truth]]:
        """Every array answered: where it is, its numbers as float64, and its truth."""
        for path, truth in self.outputs:
            yield path, as_float64(self.output(path)), truth

    def evidence(self) -> tuple[Evidence, ...]:
        """Every array answered beside its truth."""
        parts = [(place(path), self.output(path), truth) for path, truth in self.outputs]
        return compared(parts, self.hasty)

    def output(self, path: Path) -> np.ndarray:
        """The array answered at a path. Raises Misshapen when the answer is not nested, or shaped, as the formula's."""
        wanted, found = self.wanted, self.found
        if found.keys() != wanted.keys():
            raise Misshapen(differing("arrays answered", described(found), described(wanted)))
        if np.shape(found[path]) != wanted[path].value.shape:
            shapes = (np.shape(found[path]), wanted[path].value.shape)
            raise Misshapen(differing(f"shape of the {place(path)}", *shapes))
        return np.asarray(found[path])

    @property
    def bound(self) -> np.ndarray:
        """How far an honest output may be from the truth."""
        return self.truth.bound

    @property
    def scale(self) -> Any:
        """Beyond a quarter of this a bound says nothing."""
        return self.truth.scale

    @cached_property
    def gradient_truths(self) -> list[tuple[Path, Truth]]:
        """Path and truth of every gradient."""
        return self.truths.of(self.question.key + b"gradients", self.question.gradients)

    def gradient(self, path: Path) -> Any:
        """The implementation's gradient of the leaf at a path of the arguments; None if none reached it."""
        floating = [i for i, a in enumerate(self.question.arguments) if any(is_floating(x) for _, x in leaves(a))]
        tree: Any = self.reply.gradients
        if tree is None or floating.index(int(path[0])) >= len(tree):
            return None
        tree = tree[floating.index(int(path[0]))]
        for key in path[1:]:
            tree = tree[key]
        return tree

    def named(self, path: Path) -> str:
        """A path in the words of the signature."""
        return spelled(path, self.question.component.positional)


def split_script(arguments: tuple[Tree, ...]) -> tuple[tuple[Tree, ...], Tree]:
    """What objects are built from, and the script that drives them."""
    return arguments[:-1], arguments[-1]


def promised(door: Door, component: str) -> Precision:
    """The arithmetic that an implementation promises for a component."""
    return arithmetic_of(door, component, door.offers[component].precision or "eager")


def also_layer(door: Door, component: str) -> Precision | None:
    """`layer`, where `eager` is promised and the two differ: in half types."""
    layer, eager = arithmetic_of(door, component, "layer"), promised(door, component)
    return layer if not eager.layer and layer.step is not eager.step else None


def arithmetic_of(door: Door, component: str, contract: str) -> Precision:
    """What was declared of a component's arithmetic, and, where nothing was, what the framework's switches allow."""
    offer = door.offers[component]
    declared = {"computes_in": offer.computes_in, "accumulates_in": offer.accumulates_in}
    return precision_of(door.dtype, contract, **declared, switches=door.switches)


@dataclass
class Experiment:
    """One implementation, one component, one dtype and device, under settled conventions."""

    door: Door
    component: Component
    conventions: Mapping[str, Any]
    precision: Precision
    truths: Truths
    layer: Precision | None = None
    """Judged too: would it also keep this promise?"""
    slip: Slip | None = None
    """Judged against the formula with this slip, or without a keyword though it is passed: for diagnoses."""
    unheard: str = ""
    hasty: Refutes | None = None
    """The judge's word, where a refutation need not be told in numbers: to make a case smaller, and to try another formula."""
    foreseen: dict[int, tuple[Case, Question]] = field(default_factory=dict, init=False)
    """Cases whose truths were found together, by their place in memory, and the questions that they put here: under other
    conventions they put other ones."""

    @property
    def dtype(self) -> str:
        return self.door.dtype

    def ask(
        self,
        case: Case,
        *,
        cotangent: np.ndarray | None = None,
        before: tuple[Call, ...] = (),
        layouts: Mapping[Path, str] | None = None,
        threads: int = 1,
        watched: bool = False,
    ) -> Answer:
        """The implementation's answer to a case. Raises Asked when it raised."""
        call = self.call(case, cotangent=cotangent, before=before, layouts=layouts, threads=threads, watched=watched)
        reply = self.door.ask(call)
        if reply.raised is not None:
            raise Asked(reply.raised, call)
        return self.answer(case, reply, cotangent)

    def answer(self, case: Case, reply: Reply, cotangent: np.ndarray | None = None) -> Answer:
        """A reply beside the question that it answers, given what the formula takes from it."""
        question = self.question(case, cotangent)
        told = self.component.told_by(case.arguments, reply.outputs)
        asked = replace(question, options={**question.options, **told}) if told else question
        return Answer(asked, reply, self.truths, self.hasty)

    def question(self, case: Case, cotangent: np.ndarray | None = None, component: Component | None = None) -> Question:
        """The case as a question to the spec, of this component or of another one."""
        seen, known = self.foreseen.get(id(case), (None, None))
        if seen is case and known is not None and component is None and known.cotangent is cotangent:
            return known
        component = component or self.component
        allowed = component.signature.parameters
        conventions = {name: value for name, value in self.conventions.items() if name in allowed}
        options = {n: value for n, value in case.options.items() if n not in conventions and n != self.unheard}
        assumed = (conventions, self.precision, case.aliases, cotangent, self.layer, self.slip)
        return Question(component, case.arguments, options, *assumed)

    def truth_of(self, component: Component, case: Case) -> Truth:
        """The truth of another component at some arguments: for laws that relate two."""
        return self.truths_at(case, component=component)[0][1]

    def truths_at(
        self, case: Case, cotangent: np.ndarray | None = None, component: Component | None = None
    ) -> list[tuple[Path, Truth]]:
        """Path and truth of every output, or with a cotangent of every gradient, whether or not anybody was asked."""
        question = self.question(case, cotangent, component)
        if cotangent is not None:
            return self.truths.of(question.key + b"gradients", question.gradients)
        return self.truths.of(question.key + b"outputs", question.outputs)

    def setting(self, case: Case, option: str) -> Any:
        """The value of an option in a case: declared, passed, or the default."""
        default = self.component.options[option]
        return self.conventions.get(option, case.options.get(option, default))

    def call(
        self,
        case: Case,
        *,
        cotangent: np.ndarray | None = None,
        before: tuple[Call, ...] = (),
        layouts: Mapping[Path, str] | None = None,
        threads: int = 1,
        watched: bool = False,
    ) -> Call:
        """The case as a call; a keyword that a declared convention fixes is not passed."""
        arguments, script = (case.arguments, ()) if self.component.form == "function" else split_script(case.arguments)
        return Call(
            component=self.component.name,
            arguments=arguments,
            script=script,
            options={name: value for name, value in case.options.items() if name not in self.conventions},
            cotangent=cotangent,
            layouts=case.layouts if layouts is None else layouts,
            aliases=case.aliases,
            before=before,
            threads=threads,
            watched=watched,
            in_place=bool(self.component.owned),
        )
