"""Times a training step of binary networks on our tape and in PyTorch, in turns; prints a table in Markdown.

The networks and the step are those of benches/examples/train_step.rs: a batch of 128, forward, cross entropy, backward,
Adam, clipping of the latent weights. PyTorch runs in each of its settings: eager, eager with images in channels_last,
and compiled; Adam is its fused one, which is its fastest.

With --processor-time, processor time is measured instead of time, for machines that are busy with other work: means of
the steps of a round, of which the least round counts. On one thread the two are the same on an idle machine.
"""

import argparse
import json
import os
import resource
import subprocess
import time
from importlib import metadata
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]
OURS = ROOT / "target/release/examples/train_step"
BATCH = 128


def signs(x):
    return torch.where(x >= 0, 1.0, -1.0)


class SignWeight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w):
        return signs(w)

    @staticmethod
    def backward(ctx, dy):
        return dy


class SignActivation(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.abs() <= 1)
        return signs(x)

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[0]


def latent(*shape):
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(shape)))


class Mlp(nn.Module):
    """784-1024-1024-1024-10."""

    def __init__(self):
        super().__init__()
        widths = [784, 1024, 1024, 1024, 10]
        self.weights = nn.ParameterList(latent(n, k) for k, n in zip(widths, widths[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm1d(n) for n in widths[1:])

    def forward(self, x):
        for i, (w, norm) in enumerate(zip(self.weights, self.norms)):
            if i > 0:
                x = SignActivation.apply(x)
            x = norm(F.linear(x, SignWeight.apply(w)))
        return x


class Cnn(nn.Module):
    """Convolutions of 3 x 3 with 32, 64 and 128 channels, each with a pool; then 10 scores."""

    def __init__(self):
        super().__init__()
        channels = [1, 32, 64, 128]
        self.weights = nn.ParameterList(latent(n, k, 3, 3) for k, n in zip(channels, channels[1:]))
        self.weights.append(latent(10, 128 * 3 * 3))
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in channels[1:])
        self.last_norm = nn.BatchNorm1d(10)

    def forward(self, x):
        for i, norm in enumerate(self.norms):
            if i > 0:
                x = SignActivation.apply(x)
            x = norm(F.max_pool2d(F.conv2d(x, SignWeight.apply(self.weights[i]), padding=1), 2))
        x = SignActivation.apply(x).flatten(1)
        return self.last_norm(F.linear(x, SignWeight.apply(self.weights[-1])))


class Step:
    """A training step of a network in one of PyTorch's settings."""

    def __init__(self, network, setting, processor_time):
        torch.manual_seed(1)
        self.processor_time = processor_time
        self.network, shape = (Mlp(), (BATCH, 784)) if network == "mlp" else (Cnn(), (BATCH, 1, 28, 28))
        self.x = torch.randint(0, 256, shape).to(torch.float32)
        self.labels = torch.randint(0, 10, (BATCH,))
        if "channels_last" in setting:
            self.network = self.network.to(memory_format=torch.channels_last)
            self.x = self.x.to(memory_format=torch.channels_last)
        self.adam = torch.optim.Adam(self.network.parameters(), lr=1e-3, fused=True)
        self.loss = self._loss
        if "compiled" in setting:
            self.loss = torch.compile(self._loss)
        self.latent = [w.detach() for w in self.network.weights]

    def _loss(self, x, labels):
        return F.cross_entropy(self.network(x), labels)

    def run(self):
        self.adam.zero_grad(set_to_none=True)
        self.loss(self.x, self.labels).backward()
        self.adam.step()
        for w in self.latent:
            w.clamp_(-1, 1)

    def times(self, steps):
        if self.processor_time:
            start = time.process_time()
            for _ in range(steps):
                self.run()
            return [1e3 * (time.process_time() - start) / steps]
        found = []
        for _ in range(steps):
            start = time.perf_counter()
            self.run()
            found.append(1e3 * (time.perf_counter() - start))
        return found


class Ours:
    """The same step of the example program, with one of our kernels."""

    def __init__(self, network, isa, threads, processor_time):
        self.processor_time = processor_time
        self.command = [str(OURS), network]
        self.threads = threads
        self.environment = dict(os.environ, BNN_ISA=isa)

    def times(self, steps):
        if self.processor_time:
            # Without the program's start and its first steps.
            start, end = (self._run(count)[1] for count in (1, 1 + steps))
            return [1e3 * (end - start) / steps]
        figures, _ = self._run(steps)
        return [figures["best_ms"], figures["median_ms"]]

    def _run(self, steps):
        """What the program tells, and the seconds of processor time that it took."""
        before = processor_seconds()
        command = [*self.command, str(steps), str(self.threads)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout), processor_seconds() - before


def processor_seconds():
    """Of the programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


SETTINGS = {
    "mlp": ["eager", "compiled"],
    "cnn": ["eager", "channels_last", "compiled", "compiled, channels_last"],
}


def best_in_turns(contenders, rounds, steps):
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, contender in contenders.items():
            best[name] = min(best[name], *contender.times(steps))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--isa", action="append", help="our kernel; may be given several times [default: the fastest]")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=15, help="steps of each contender in a round")
    parser.add_argument("--processor-time", action="store_true", help="measure processor time, on one thread")
    arguments = parser.parse_args()
    if arguments.processor_time and arguments.threads > 1:
        parser.error("--processor-time: expected one thread")
    busy = arguments.processor_time
    torch.set_num_threads(arguments.threads)
    threads = f"{arguments.threads} thread{'s' if arguments.threads > 1 else ''}"
    what = "Milliseconds of processor time of a step" if busy else "Milliseconds of the fastest step"
    print(f"{what}, {threads}, batch {BATCH}; torch {metadata.version('torch')}\n")
    print("| network | contender | ms | ratio to the fastest of PyTorch |")
    print("| --- | --- | --- | --- |")
    for network, settings in SETTINGS.items():
        theirs = {f"PyTorch, {setting}": Step(network, setting, busy) for setting in settings}
        for step in theirs.values():
            step.times(5)  # compiles, and makes the optimizer's state
        isas = arguments.isa or [os.environ.get("BNN_ISA", "")]
        ours = {f"ours, {isa or 'fastest kernel'}": Ours(network, isa, arguments.threads, busy) for isa in isas}
        best = best_in_turns({**ours, **theirs}, arguments.rounds, arguments.steps)
        fastest = min(best[name] for name in theirs)
        for name, ms in best.items():
            print(f"| {network} | {name} | {ms:.2f} | {fastest / ms:.2f} |", flush=True)


if __name__ == "__main__":
    main()
