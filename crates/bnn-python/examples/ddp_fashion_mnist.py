"""Trains a binary network on Fashion-MNIST with several processes, on one machine or many.

    torchrun --nproc-per-node 2 ddp_fashion_mnist.py --data FOLDER
    torchrun --nproc-per-node 2 ddp_fashion_mnist.py --data FOLDER --average

FOLDER has the four IDX files of Fashion-MNIST, or of another set of that form, plain or as .gz. By
default the binary weights are trained by the majority of the ranks' signs, one bit each
(`majority_vote_hook`); with --average, by averages in float32 as plain DistributedDataParallel does.

A checkpoint is written after each epoch, to a temporary name first. A run that is started again goes
on from it and ends with the same weights as one that was never interrupted. (torchrun can start it
again by itself, --max-restarts; with PyTorch 2.15 the ranks of such a restart sometimes do not find
each other, and wait.)
"""

import argparse
import gzip
import hashlib
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

import bnn_engine
import bnn_engine.torch as bt
from bnn_engine.torch.distributed import MajorityVote, majority_vote_hook


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of IDX files")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128, help="samples of a step, over all ranks")
    parser.add_argument("--width", type=int, default=1024, help="neurons of a hidden layer")
    parser.add_argument("--optimizer", choices=["bop", "diodemix", "sgd"], default="bop", help="of the binary weights")
    parser.add_argument("--average", action="store_true", help="average float32 gradients instead of voting")
    parser.add_argument("--checkpoint", type=Path, default=Path("ddp.pt"))
    parser.add_argument("--out", type=Path, default=Path("ddp.bnn"), help="model file to write")
    parser.add_argument("--steps", type=int, help="end each epoch after this many steps")
    return parser.parse_args()


def read_idx(folder: Path, name: str) -> np.ndarray:
    plain = folder / name
    data = plain.read_bytes() if plain.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def load(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    images = read_idx(folder, f"{part}-images-idx3-ubyte").reshape(-1, 28 * 28)
    labels = read_idx(folder, f"{part}-labels-idx1-ubyte")
    return torch.from_numpy(images.copy()), torch.from_numpy(labels.astype(np.int64))


def network(width: int) -> nn.Sequential:
    torch.manual_seed(1)  # the same on every rank; DistributedDataParallel copies rank 0's anyway
    return nn.Sequential(
        bt.SignWeightLinear(28 * 28, width, bias=False),
        bt.BatchNorm1d(width),
        bt.BinaryLinear(width, width, bias=False),
        bt.BatchNorm1d(width),
        bt.BinaryLinear(width, 10, bias=False),
        bt.BatchNorm1d(10),
    )


def optimizers(net: nn.Module, args: argparse.Namespace) -> list[torch.optim.Optimizer]:
    binary = list(bt.binary_parameters(net))
    rest = [p for p in net.parameters() if not any(p is b for b in binary)]
    # Votes have a magnitude of 1, averaged gradients one of about 1e-4.
    flips = {
        "bop": lambda: bt.Bop(binary, 1e-3, 1e-7) if args.average else bt.Bop(binary, 1e-2, 0.2),
        "diodemix": lambda: bt.DiodeMix(binary, 1e-3),
        "sgd": lambda: torch.optim.SGD(binary, 1.0 if args.average else 1e-3),
    }
    return [flips[args.optimizer](), torch.optim.Adam(rest, 0.01)]


def save(path: Path, state: dict) -> None:
    """Writes a checkpoint whole or not at all."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    net.eval()
    with torch.no_grad():
        right = sum((net(x.float()).argmax(1) == y).sum().item() for x, y in zip(images.split(1000), labels.split(1000)))
    net.train()
    return right / len(labels)


def digest(net: nn.Module) -> str:
    whole = hashlib.sha256()
    for parameter in net.parameters():
        whole.update(parameter.detach().numpy().tobytes())
    return whole.hexdigest()


def main() -> None:
    args = arguments()
    dist.init_process_group("gloo")
    rank, ranks = dist.get_rank(), dist.get_world_size()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", ranks))))
    bnn_engine.set_num_threads(torch.get_num_threads())

    images, labels = load(args.data, "train")
    test = load(args.data, "t10k") if rank == 0 else None
    net = network(args.width)
    steps = optimizers(net, args)
    begin = 0
    if args.checkpoint.exists():
        state = torch.load(args.checkpoint)
        net.load_state_dict(state["net"])
        for step, kept in zip(steps, state["steps"], strict=True):
            step.load_state_dict(kept)
        begin = state["epoch"]

    parallel = DistributedDataParallel(net)
    if not args.average:
        parallel.register_comm_hook(MajorityVote(parallel), majority_vote_hook)

    per_rank = args.batch // ranks
    for epoch in range(begin, args.epochs):
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(epoch))
        batches = order[rank::ranks].split(per_rank)[: len(labels) // args.batch][: args.steps]
        started = time.perf_counter()
        for batch in batches:
            loss = nn.functional.cross_entropy(parallel(images[batch].float()), labels[batch])
            for step in steps:
                step.zero_grad()
            loss.backward()
            for step in steps:
                step.step()
            bt.clamp_weights_(net)
        per_step = (time.perf_counter() - started) / len(batches)
        if rank == 0:
            state = {"net": net.state_dict(), "steps": [step.state_dict() for step in steps], "epoch": epoch + 1}
            save(args.checkpoint, state)
            reached = accuracy(net, *test)
            print(json.dumps({"epoch": epoch + 1, "accuracy": reached, "ms_per_step": round(1000 * per_step, 2)}), flush=True)
        dist.barrier()

    digests = [None] * ranks
    dist.all_gather_object(digests, digest(net))
    assert len(set(digests)) == 1, "replicas differ"
    if rank == 0:
        bt.export(net.eval(), images[:256].float(), args.out)
        print(json.dumps({"replicas": "equal", "weights": digests[0], "model": str(args.out)}))
    dist.barrier()  # nobody leaves before rank 0 has written the model
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
