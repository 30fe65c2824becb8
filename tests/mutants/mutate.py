"""Small slips made by rule: every place of a Python source where an operator, axis, constant, term... can be another."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

KINDS = (
    "operator", "sign", "comparison", "condition", "axis", "constant", "keepdims", "function", "branches", "dropped term",
    "dropped keyword",
)  # fmt: skip

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.MatMult: ast.Mult,
}  # fmt: skip
SIGNS: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
FUNCTIONS = {
    "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum", "amax": "amin", "sum": "mean", "mean": "sum",
    "any": "all", "all": "any", "sin": "cos", "cos": "sin", "sqrt": "square", "zeros": "ones", "ones": "zeros",
    "zeros_like": "ones_like", "ones_like": "zeros_like", "tril": "triu", "repeat": "tile", "log1p": "log", "expm1": "exp",
}  # fmt: skip
"""Attribute -> the one that is easily written in its place."""
ADDED = (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr)
"""Of these both terms may be dropped; of a difference or quotient the second."""
AXIS_WORDS = ("axis", "dim", "dims", "axes", "source", "destination")
AXES_BY_POSITION = ("swapaxes", "moveaxis", "transpose", "size", "concatenate", "index_select", "softmax", "unsqueeze")
INFINITY = 1e9
"""What people write for it."""


@dataclass(frozen=True)
class Mutation:
    """One slip in a source text: `before` became `after`, as it is read beside what surrounds it, in `function`."""

    kind: str
    function: str
    before: str
    after: str
    number: int
    """Which of those that read alike, from 1."""
    text: str
    """The whole source with the slip in it."""

    @property
    def key(self) -> str:
        """A name that stays while the lines around it move."""
        again = f" #{self.number}" if self.number > 1 else ""
        return f"{self.function}: {self.before} -> {self.after}{again}"


@dataclass(frozen=True)
class Place:
    """A node of the tree, where it hangs, and what is shown for it: behind `label`, the smallest code that says enough."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    function: str
    shown: ast.AST
    label: str

    def put(self, node: ast.AST) -> None:
        """Hang another node there."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutations(text: str) -> Iterator[Mutation]:
    """Every slip that can be made in a source text, in the order of its lines."""
    tree = ast.parse(text)
    seen: Counter[tuple[str, str, str]] = Counter()
    known = {ast.unparse(tree)}
    for place in list(places(tree, "", tree)):
        before = place.label + read(place.shown)
        for kind, new in changes(place):
            place.put(new)
            after, whole = place.label + read(new if place.shown is place.node else place.shown), ast.unparse(tree)
            place.put(place.node)
            if whole in known:
                continue
            known.add(whole)
            seen[place.function, before, after] += 1
            yield Mutation(kind, place.function, before, after, seen[place.function, before, after], whole)


def places(node: ast.AST, function: str, shown: ast.AST, label: str = "") -> Iterator[Place]:
    """All nodes of the code below this one. Annotations, docstrings, imports, messages of errors and checks of arguments
    compute nothing."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or computes_nothing(child):
                continue
            named = isinstance(child, ast.FunctionDef | ast.ClassDef)
            inside = f"{function}.{child.name}".lstrip(".") if named else function
            said = f"{defaults_of(node, field, index)}=" if "defaults" in field else label
            around = child if said != label or says_enough(child, node) else shown
            yield Place(child, node, field, index, function, around, said)
            yield from places(child, inside, around, said)


def defaults_of(node: ast.AST, field: str, index: int | None) -> str:
    """The parameter that has this default."""
    assert isinstance(node, ast.arguments) and index is not None
    given = node.posonlyargs + node.args
    return (node.kwonlyargs if field == "kw_defaults" else given[len(given) - len(node.defaults) :])[index].arg


def says_enough(node: ast.AST, parent: ast.AST) -> bool:
    """Can it be read alone? A name or number cannot, nor can an index without what is indexed."""
    if isinstance(node, ast.UnaryOp):
        return says_enough(node.operand, node)
    if isinstance(node, ast.stmt):
        return not hasattr(node, "body")
    small = isinstance(node, ast.Constant | ast.Name | ast.Attribute) and not hasattr(parent, "body")
    return isinstance(node, ast.expr) and not small and not (isinstance(parent, ast.Subscript) and node is parent.slice)


def computes_nothing(node: ast.AST) -> bool:
    """Is it there for readers, or to refuse arguments? The latter is tested apart, in test_bad_input.py."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Raise | ast.Assert | ast.AnnAssign) and not (
        isinstance(node, ast.AnnAssign) and node.value
    ):
        return True
    if not isinstance(node, ast.Expr):
        return False
    checked = isinstance(node.value, ast.Call) and ast.unparse(node.value.func).startswith("domain.")
    return isinstance(node.value, ast.Constant) or checked


def read(node: ast.AST) -> str:
    """As source, in one line."""
    return " ".join(ast.unparse(node).split())


def changes(place: Place) -> Iterator[tuple[str, ast.AST]]:
    """Kind, and what may stand in the node's place."""
    node: Any = place.node
    if (number := number_of(node)) is not None:
        if not hangs_below_a_sign(place):
            yield from numbers(number, place)
        return
    match node:
        case ast.BinOp():
            yield from of_operation(node)
        case ast.UnaryOp(op=ast.USub()):
            yield "sign", node.operand
        case ast.UnaryOp(op=ast.Not()):
            yield "condition", node.operand
        case ast.BoolOp():
            yield "condition", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            for i in range(len(node.values)):
                yield "dropped term", ast.BoolOp(node.op, node.values[:i] + node.values[i + 1 :])
        case ast.Compare(ops=[one]) if type(one) in COMPARISONS:
            yield "comparison", ast.Compare(node.left, [COMPARISONS[type(one)]()], node.comparators)
        case ast.IfExp():
            yield "branches", ast.IfExp(node.test, node.orelse, node.body)
        case ast.Call():
            yield from of_call(node)
        case ast.AugAssign() if type(node.op) in SIGNS | OPERATORS:
            kind = "sign" if type(node.op) in SIGNS else "operator"
            yield kind, ast.AugAssign(node.target, (SIGNS | OPERATORS)[type(node.op)](), node.value)
        case ast.Constant(value=bool()):
            kept = isinstance(place.parent, ast.keyword) and place.parent.arg in ("keepdims", "keepdim")
            yield "keepdims" if kept else "condition", ast.Constant(not node.value)
        case ast.Attribute(attr="inf"):
            yield "constant", ast.Constant(INFINITY)
        case ast.Attribute() if node.attr in FUNCTIONS:
            yield "function", ast.Attribute(node.value, FUNCTIONS[node.attr], node.ctx)


def of_operation(node: ast.BinOp) -> Iterator[tuple[str, ast.AST]]:
    """Another operator, or a term less."""
    if type(node.op) in OPERATORS:
        yield "operator", ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
    if type(node.op) in SIGNS:
        yield "sign", ast.BinOp(node.left, SIGNS[type(node.op)](), node.right)
    if isinstance(node.op, (*ADDED, ast.Sub, ast.Div)):
        yield "dropped term", node.left
    if isinstance(node.op, ADDED):
        yield "dropped term", node.right


def of_call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    """Branches of `where` exchanged, or a keyword less."""
    if isinstance(node.func, ast.Attribute) and node.func.attr == "where" and len(node.args) == 3:
        condition, yes, no = node.args
        yield "branches", ast.Call(node.func, [condition, no, yes], node.keywords)
    for i, one in enumerate(node.keywords):
        if one.arg not in (None, "keepdims", "keepdim"):
            yield "dropped keyword", ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])


def number_of(node: ast.AST) -> float | None:
    """The number that is written there, with its sign."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = number_of(node.operand)
        return None if inner is None else -inner
    number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    return node.value if number else None  # type: ignore[attr-defined]


def hangs_below_a_sign(place: Place) -> bool:
    """Is it the 1 of a -1?"""
    return isinstance(place.parent, ast.UnaryOp) and isinstance(place.parent.op, ast.USub)


def numbers(number: float, place: Place) -> Iterator[tuple[str, ast.AST]]:
    """The next axis; the next whole number; a double."""
    if isinstance(number, float):
        yield "constant", ast.Constant(2.0 * number if number else 1.0)
    elif is_axis(place):
        yield "axis", whole({-1: -2, -2: -1, 0: -1}.get(number, number + 1))
    else:
        yield "constant", whole(number + 1)


def whole(number: int) -> ast.AST:
    """A whole number, as the parser has it."""
    return ast.UnaryOp(ast.USub(), ast.Constant(-number)) if number < 0 else ast.Constant(number)


def is_axis(place: Place) -> bool:
    """Does the number say which axis: by its keyword, by its place in a call, or as an index of a shape?"""
    parent = place.parent
    if isinstance(parent, ast.keyword):
        return parent.arg in AXIS_WORDS
    if isinstance(parent, ast.Call):
        return isinstance(parent.func, ast.Attribute) and parent.func.attr in AXES_BY_POSITION
    shape = isinstance(parent, ast.Subscript) and isinstance(parent.value, ast.Attribute)
    return shape and parent.value.attr == "shape"  # type: ignore[attr-defined]
