"""What a network calls, by `torch.export`: for networks that `torch.fx` cannot follow, such as those
that decide by the shape of a tensor.

`torch.export` breaks layers up into operators, and says of each operator in which layer it was
called. The operators of a layer become one call of it again, so that both ways give a graph of the
same kind.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import torch
from torch import Tensor, fx, nn


def calls_of(network: nn.Module, sample: Tensor, is_leaf: Callable[[nn.Module, str], bool]) -> fx.Graph:
    """The calls of a network for a sample. Decisions that it takes by shapes are those that it takes
    for this sample."""
    program = torch.export.export(network, (sample,), strict=False)
    kept = {
        spec.arg.name: spec.target
        for spec in program.graph_signature.input_specs
        if spec.kind != torch.export.graph_signature.InputKind.USER_INPUT
    }
    calls, made = fx.Graph(), {}

    def argument(node: fx.Node) -> fx.Node:
        return made[node] if node in made else calls.create_node("get_attr", kept[node.name])

    for layer, nodes in groupby(list(program.graph.nodes), lambda node: _layer(network, node, is_leaf)):
        if layer is None:
            for node in nodes:
                if node.op == "output":
                    results = fx.node.map_arg(node.args[0], argument)
                    calls.output(results[0] if len(results) == 1 else results)
                elif node.op != "placeholder" or node.name not in kept:
                    made[node] = calls.node_copy(node, argument)
            continue
        inside = list(nodes)
        inputs = [x for node in inside for x in node.all_input_nodes if x not in inside and x.name not in kept]
        call = calls.call_module(layer[1], tuple(made[x] for x in dict.fromkeys(inputs)))
        # The last of its operators gives what the layer gives.
        made.update(dict.fromkeys(inside, call))
    return calls


def _layer(
    network: nn.Module, node: fx.Node, is_leaf: Callable[[nn.Module, str], bool]
) -> tuple[str, str] | None:
    """The outermost layer that called an operator: which of its calls that was, and its name."""
    for call, (name, _) in (node.meta.get("nn_module_stack") or {}).items():
        if name and is_leaf(network.get_submodule(name), name):
            return call, name
    return None
