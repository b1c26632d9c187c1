"""Writes weights.safetensors, a state_dict as PyTorch users have it, and weights.json: the same numbers
as text, and what the network computes.

    /usr/bin/python3 make_weights.py    (made with PyTorch 1.13.1 of Debian 12 and safetensors 0.8.0)

The tensors have the types F32, F64, F16, BF16 and I64 (num_batches_tracked).
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(21)
HERE = pathlib.Path(__file__).parent


def sign(x):
    """sign(0) = +1."""
    return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))


class Net(nn.Module):
    """A float layer, batch norm, and a layer of signs."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(5, 4)
        self.bn1 = nn.BatchNorm1d(4)
        self.fc2 = nn.Linear(4, 3, bias=False)
        self.conv = nn.Conv2d(3, 2, (2, 5), bias=False)

    def forward(self, x):
        x = self.bn1(self.fc1(x))
        return x, sign(x) @ sign(self.fc2.weight).T


net = Net()
with torch.no_grad():
    net.bn1.weight.copy_(torch.tensor([1.5, -0.5, 0.25, -2.0]))
    net.bn1.bias.copy_(torch.tensor([0.3, -0.2, 0.1, 0.5]))
    net(torch.randn(16, 5))
    # Numbers that all of the types below hold exactly.
    for p in (net.fc1.weight, net.fc2.weight, net.conv.weight):
        p.copy_(p.bfloat16().half().float())
net.eval()
x = torch.randn(6, 5)
with torch.no_grad():
    normed, scores = net(x)

state = {name: value.detach().clone() for name, value in net.state_dict().items()}
state["fc1.weight"] = state["fc1.weight"].half()
state["fc2.weight"] = state["fc2.weight"].bfloat16()
state["bn1.running_var"] = state["bn1.running_var"].double()
save_file(state, HERE / "weights.safetensors")


def numbers(tensor):
    """As strings: readers of JSON may round numbers."""
    values = tensor.double().flatten().tolist()
    return {"shape": list(tensor.shape), "values": [repr(x) for x in values]}


text = {
    "tensors": {name: numbers(value) for name, value in state.items()},
    "x": numbers(x),
    "normed": numbers(normed),
    "scores": numbers(scores),
}
(HERE / "weights.json").write_text(json.dumps(text) + "\n")
