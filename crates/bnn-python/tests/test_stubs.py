"""What editors and readers are told: the stub of the compiled module, and the texts of public names."""

import ast
import importlib
import inspect
import pathlib

import pytest

import bnn_engine
from bnn_engine import _native

STUB = pathlib.Path(bnn_engine.__file__).parent / "_native.pyi"


def declared(body):
    """Classes, functions and names of a stub, by their names."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.AnnAssign) and node.value is None:  # else an alias of types
            yield node.target.id, None


def parameters(node):
    """Names of a function's parameters in a stub, without `self`."""
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return [name for name in names if name != "self"]


def is_named(node, name):
    return any(getattr(decorator, "id", None) == name for decorator in node.decorator_list)


def compare(owner, name, node):
    """A declaration and what it declares."""
    assert hasattr(owner, name), f"{owner}.{name} is declared and not there"
    found = getattr(owner, name)
    if isinstance(node, ast.ClassDef):
        assert inspect.isclass(found)
        for member, of in declared(node.body):
            if member == "__init__":
                signature = list(inspect.signature(found).parameters)
                assert signature == parameters(of), f"{name}: {signature}, declared {parameters(of)}"
            else:
                compare(found, member, of)
    elif isinstance(node, ast.FunctionDef) and not is_named(node, "property"):
        signature = [name for name in inspect.signature(found).parameters if name != "self"]
        assert signature == parameters(node), f"{name}: {signature}, declared {parameters(node)}"


def test_the_stub_declares_the_compiled_module():
    stub = dict(declared(ast.parse(STUB.read_text()).body))
    for name, node in stub.items():
        if not (node and is_named(node, "type_check_only")):
            compare(_native, name, node)
    there = {name for name in vars(_native) if not name.startswith("__")}
    assert there - set(stub) == set(), "not declared"
    for name, node in stub.items():
        if isinstance(node, ast.ClassDef) and hasattr(_native, name) and name != "Error":
            members = {member for member in vars(getattr(_native, name)) if not member.startswith("__")}
            assert members - {member for member, _ in declared(node.body)} == set(), f"{name}: not declared"


PUBLIC = [
    "bnn_engine",
    "bnn_engine.onnxruntime",
    "bnn_engine.torch",
    "bnn_engine.torch.distributed",
    "bnn_engine.compat.bitorch_engine",
]


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_have_texts(module):
    if "torch" in module or "onnx" in module:
        pytest.importorskip("torch" if "torch" in module else "onnxruntime", reason="an extra that is not installed")
    module = importlib.import_module(module)
    assert module.__doc__
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    without = []
    for name in names:
        found = getattr(module, name)
        if not (inspect.isclass(found) or inspect.isroutine(found)) or not found.__module__.startswith("bnn_engine"):
            continue
        if not found.__doc__:
            without.append(name)
        for member, of in vars(found).items() if inspect.isclass(found) else ():
            is_told = isinstance(of, property) or inspect.isroutine(of)
            if is_told and not member.startswith("_") and not inspect.getdoc(getattr(found, member)):
                without.append(f"{name}.{member}")
    assert without == []
