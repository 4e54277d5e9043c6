"""The fault points of the service, read from its source: every place at which something outside changes or is asked.

Nothing is named by hand. A function that opens a transaction, an operation of Pleo, a call of the Tryton client, an
operation of the HTTP target and a change of the queue's rows each make points, so new code brings new ones, and
`points.txt` has to say what kills there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path

import ledgerbridge
from tests.support.trees import tree_of

SOURCE = Path(ledgerbridge.__file__).parent
_STORE = "store."
_ERP = {"search": ("search",), "whole": ("search", "search_count"), "create": ("create",),
        "create_many": ("create_many",), "update": ("update",), "delete": ("delete",)}  # fmt: skip
"""Methods of the Tryton client and the operations they make; `ask`, `call` and `act` name theirs themselves."""
_ERP_NAMED = {"ask": 1, "call": 1, "act": 2}
_ERP_READS = ("search", "whole", "ask")


@dataclass(frozen=True)
class Derived:
    """What the source says there is to pass. Each stands for a point before and one after."""

    points: frozenset[str]
    """As `commit exports.report:Reporter._send`; `*` where the source leaves a part open."""
    reads: frozenset[str]
    """Those of them that change nothing anywhere."""

    def of(self, name: str) -> set[str]:
        """The points that a name passed at run time may be."""
        return {point for point in self.points if fnmatchcase(name, point)}

    def reading(self, name: str) -> bool:
        """Whether passing `name` changes nothing anywhere."""
        found = self.of(name)
        return bool(found) and found <= self.reads


@cache
def derived(source: Path = SOURCE) -> Derived:
    """The points of the package in this folder; reading it takes two seconds, and each walk asks."""
    modules = {name: Module(name, tree_of(path)) for name, path in sorted(_files(source))}
    points = {f"commit {name}" for name in _committing(modules)}
    reads: set[str] = set()
    for module in modules.values():
        for function, call in module.calls():
            for point, reading in (*_pleo(module, function, call), *_erp(modules, module, function, call)):
                points.add(point)
                if reading:
                    reads.add(point)
            points |= _spelled(call)
        for point, reading in _http(module):
            points.add(point)
            if reading:
                reads.add(point)
    return Derived(frozenset(points), frozenset(reads | ({"download"} & points)))


def _files(source: Path) -> Iterator[tuple[str, Path]]:
    for path in source.rglob("*.py"):
        yield ".".join(path.relative_to(source).with_suffix("").parts), path


# ------------------------------------------------------------------ modules, functions, calls


@dataclass
class Function:
    """One function, with the name Python gives it."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @cached_property
    def own(self) -> list[ast.AST]:
        """What stands in its own body, not in that of a function inside."""
        found: list[ast.AST] = []
        left: list[ast.AST] = list(self.node.body)
        while left:
            node = left.pop()
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.append(node)
                left.extend(ast.iter_child_nodes(node))
        return found

    @cached_property
    def calls(self) -> list[ast.Call]:
        return [node for node in self.own if isinstance(node, ast.Call)]

    @property
    def generates(self) -> bool:
        """Whether it is an asynchronous generator, as a context manager is."""
        return isinstance(self.node, ast.AsyncFunctionDef) and any(isinstance(n, ast.Yield) for n in self.own)


@dataclass
class Module:
    """One module: its functions, its texts, and where its names come from."""

    name: str
    tree: ast.Module
    functions: list[Function] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._collect(self.tree, "")

    def _collect(self, node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions.append(Function(f"{prefix}{child.name}", child))
                self._collect(child, f"{prefix}{child.name}.<locals>.")
            else:
                self._collect(child, f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix)

    def calls(self) -> Iterator[tuple[Function, ast.Call]]:
        for function in self.functions:
            for call in function.calls:
                yield function, call

    @cached_property
    def imported(self) -> dict[str, str]:
        """Names from elsewhere in the package: `acquire` to `store.leases.acquire`."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ledgerbridge"):
                home = node.module.removeprefix("ledgerbridge").lstrip(".")
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{home}.{alias.name}".lstrip(".")
        return found

    @cached_property
    def texts(self) -> dict[str, str]:
        """Constants of the module that are texts."""
        return {
            target.id: node.value.value
            for node in self.tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and isinstance(node.value.value, str)
        }


def _called(module: Module, call: ast.Call) -> str:
    """What is called, as `store.leases.acquire`; of an attribute of an object only its name, after a dot."""
    match call.func:
        case ast.Name(id=name):
            return module.imported.get(name, f"{module.name}.{name}")
        case ast.Attribute(value=ast.Name(id=base), attr=name) if base in module.imported:
            return f"{module.imported[base]}.{name}"
        case ast.Attribute(attr=name):
            return f".{name}"
    return ""


# ------------------------------------------------------------------ transactions


def _committing(modules: dict[str, Module]) -> set[str]:
    """Functions outside the store in whose name something is committed."""
    opening = {
        _home(module, one)
        for module in modules.values()
        for one in module.functions
        if any(_opens(call) or _asks_budget(call) for call in one.calls)
    }
    calls = [
        (_home(module, function), _called(module, call))
        for module in modules.values()
        for function, call in module.calls()
    ]
    while True:
        known = {name for name in opening if _lends(modules, name)}
        found = {caller for caller, called in calls if called in known}
        if found <= opening:
            break
        opening |= found
    return {
        f"{module.name}:{one.name}"
        for module in modules.values()
        if not module.name.startswith(_STORE)
        for one in module.functions
        if _home(module, one) in opening and not one.generates
    }


def _home(module: Module, function: Function) -> str:
    """Where calls find it: a method of the store counts for its class, which is what others name."""
    first = function.name.partition(".")[0] if module.name.startswith(_STORE) else function.name
    return f"{module.name}.{first}"


def _opens(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in {"transaction", "alone"}


def _lends(modules: dict[str, Module], name: str) -> bool:
    """Whether its transactions are its caller's: a function of the store, or a context manager anywhere."""
    home, _, last = name.rpartition(".")
    found = {one.name: one for one in modules[home].functions} if home in modules else {}
    if last in found:
        return name.startswith(_STORE) or found[last].generates
    return f"{last}.__aenter__" in found


def _asks_budget(call: ast.Call) -> bool:
    """The budget of calls is handed in behind a protocol, so its name has to tell."""
    match call.func:
        case ast.Attribute(value=ast.Attribute(attr="_budget"), attr="take" | "pause"):
            return True
    return False


# ------------------------------------------------------------------ calls to others


def _pleo(module: Module, function: Function, call: ast.Call) -> Iterator[tuple[str, bool]]:
    """Operations of Pleo's APIs: the first argument of `Call`, or what is handed on as `operation`."""
    if not module.name.startswith("pleo.") or not call.args:
        return
    match call.func, call.args[0]:
        case ast.Name(id="Call"), ast.Constant(value=str(operation)):
            yield f"pleo {operation}", _reads_pleo(call)
        case ast.Name() | ast.Attribute(), ast.Constant(value=str(operation)):
            if _takes_operation(module, call.func.id if isinstance(call.func, ast.Name) else call.func.attr):
                yield f"pleo {operation}", _reads_pleo(call)


def _takes_operation(module: Module, name: str) -> bool:
    """Whether a function of the module hands on its first argument as an operation's name."""
    for known in module.functions:
        arguments = [one.arg for one in known.node.args.args if one.arg != "self"]
        if known.name.rpartition(".")[2] == name and arguments[:1] == ["operation"]:
            return True
    return False


def _reads_pleo(call: ast.Call) -> bool:
    method = call.args[1].value if len(call.args) > 1 and isinstance(call.args[1], ast.Constant) else None
    path = ast.unparse(call.args[2]) if len(call.args) > 2 else ""
    return method == "GET" or (method == "POST" and path.rstrip("'").endswith(":search"))


def _erp(modules: dict[str, Module], module: Module, function: Function, call: ast.Call) -> Iterator[tuple[str, bool]]:
    """Calls of the Tryton client."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="client") | ast.Attribute(attr="_client"), attr=method) if call.args:
            pass
        case _:
            return
    if not module.name.startswith("erp.tryton."):
        return
    if method in _ERP_NAMED:
        operations = tuple(_texts(modules, module, function, call.args[_ERP_NAMED[method]]))
    else:
        operations = _ERP.get(method, ())
    for model in _texts(modules, module, function, call.args[0]):
        for operation in operations:
            yield f"erp {model} {operation}", method in _ERP_READS


def _http(module: Module) -> Iterator[tuple[str, bool]]:
    """Operations of the HTTP target: those of its contract, and the upload, which its client names itself."""
    if not module.name.startswith("erp.http_target."):
        return
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id="Operation"), args=[ast.Constant(value=str(name)), *_]):
                yield f"erp http {name}", not any(one.arg == "writes" for one in node.keywords)
            case ast.Call(func=ast.Attribute(attr="_observed"), args=[ast.Constant(value=str(name)), *_]):
                yield f"erp http {name}", False


def _texts(modules: dict[str, Module], module: Module, function: Function, node: ast.expr) -> set[str]:
    """What texts an expression may be; `*` for any."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.Name(id=name) if name in module.texts:
            return {module.texts[name]}
        case ast.Name(id=name) if name in module.imported:
            home, _, last = module.imported[name].rpartition(".")
            return {modules[home].texts[last]}
        case ast.Attribute(value=ast.Name(id=base), attr=name) if module.imported.get(base) in modules:
            return {modules[module.imported[base]].texts[name]}
        case ast.Name(id=name):
            for one in function.own:
                match one:
                    case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                        return _texts(modules, module, function, value)
    return {"*"}


def _spelled(call: ast.Call) -> set[str]:
    """Points that stand spelled out in the code: `faults.around("queue fetch")`."""
    match call:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="faults"), attr="around" | "reach"),
            args=[ast.Constant(value=str(name))],
        ):
            return {name}
    return set()
