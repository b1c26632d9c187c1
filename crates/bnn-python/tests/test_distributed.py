"""Several processes: plain DDP, and the majority vote."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from bnn_engine import _native

torch = pytest.importorskip("torch")

import torch.distributed as dist  # noqa: E402
import torch.multiprocessing as mp  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.parallel import DistributedDataParallel  # noqa: E402

import bnn_engine.torch as bt  # noqa: E402
from bnn_engine.torch.distributed import MajorityVote, majority_vote_hook  # noqa: E402


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
def test_the_majority_is_that_of_each_bit(rng, ranks):
    for words in [1, 7, 8, 9, 17]:
        votes = rng.integers(0, 2**64, (ranks, words), np.uint64)
        bits = np.unpackbits(votes.view(np.uint8), axis=1)
        ties = rng.integers(0, 2**64, words, np.uint64)
        plus = 2 * bits.sum(axis=0, dtype=int)
        expected = np.where(plus == ranks, np.unpackbits(ties.view(np.uint8)), plus > ranks)
        found = np.unpackbits(_native.majority(votes, ties).view(np.uint8), axis=1)[0]
        assert (found == expected).all()
    with pytest.raises(ValueError, match="ties"):
        _native.majority(votes, ties[1:])


def network():
    torch.manual_seed(3)
    return nn.Sequential(
        bt.SignWeightLinear(20, 70, bias=False),
        bt.BatchNorm1d(70),
        bt.BinaryLinear(70, 33, bias=False),
        bt.BatchNorm1d(33),
        bt.BinaryLinear(33, 4),
    )


def samples(rank):
    generator = torch.Generator().manual_seed(100 + rank)
    x = torch.randint(0, 256, (16, 20), generator=generator).float()
    return x, torch.randint(0, 4, (16,), generator=generator)


def gradients(net, rank):
    x, labels = samples(rank)
    net.zero_grad()
    nn.functional.cross_entropy(net(x), labels).backward()
    return [p.grad.clone() for p in net.parameters()]


def integers():
    """A layer, and batches whose gradients are integers."""
    torch.manual_seed(5)
    return bt.BinaryLinear(40, 12, clip=3.0), torch.randint(-2, 3, (32, 40)).float(), torch.randint(-9, 10, (32, 12)).float()


def work(rank, ranks, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=ranks)
    told = {}

    # Half of a batch of integers each: the mean of sums, exactly.
    layer, x, dy = integers()
    part = slice(rank * 32 // ranks, (rank + 1) * 32 // ranks)
    net = DistributedDataParallel(layer)
    (net(x[part]) * dy[part]).sum().backward()
    told["integers"] = [p.grad * ranks for p in layer.parameters()]

    # Plain averages, some steps.
    module = network()
    net = DistributedDataParallel(module, broadcast_buffers=False)
    step = torch.optim.SGD(module.parameters(), 0.1)
    for _ in range(3):
        gradients(net, rank)
        step.step()
        bt.clamp_weights_(module)
    told["plain"] = [p.detach().clone() for p in module.parameters()]

    # The vote, of which one step is told whole, in buckets of some hundred bytes.
    module = network()
    with torch.no_grad():
        for p in bt.binary_parameters(module):
            p[0] = 5.0  # beyond the clip: gradients of 0 in some layers
    told["own"] = gradients(module, rank)
    net = DistributedDataParallel(module, broadcast_buffers=False, bucket_cap_mb=0.001)
    net.register_comm_hook(MajorityVote(net), majority_vote_hook)
    told["voted"] = gradients(net, rank)
    told["weights"] = [p.detach().clone() for p in module.parameters()]
    binary = list(bt.binary_parameters(module))
    rest = [p for p in module.parameters() if not any(p is b for b in binary)]
    for name, flips in [("bop", bt.Bop(binary, 0.1, 1e-6)), ("diode", bt.DiodeMix(binary, 0.1)), ("sgd", torch.optim.SGD(binary, 0.01))]:
        other = torch.optim.SGD(rest, 0.1)
        for _ in range(3):
            gradients(net, rank)
            flips.step()
            other.step()
        told[name] = [p.detach().clone() for p in module.parameters()]
    torch.save(told, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module", params=[2, 3])
def told(request, tmp_path_factory):
    """What each of some ranks found."""
    folder = tmp_path_factory.mktemp("ranks")
    mp.spawn(work, (request.param, str(folder)), request.param)
    return [torch.load(folder / f"{rank}.pt") for rank in range(request.param)]


def equal(a, b):
    return all(torch.equal(a, b) for a, b in zip(a, b, strict=True))


@pytest.mark.parametrize("what", ["plain", "voted", "bop", "diode", "sgd"])
def test_replicas_stay_equal_bit_for_bit(told, what):
    assert all(equal(rank[what], told[0][what]) for rank in told)


def test_ranks_with_integer_gradients_are_one_process_with_the_whole_batch(told):
    layer, x, dy = integers()
    (layer(x) * dy).sum().backward()
    if len(told) == 2:  # other means are rounded
        assert equal(told[0]["integers"], [p.grad for p in layer.parameters()])
    else:
        for found, p in zip(told[0]["integers"], layer.parameters(), strict=True):
            torch.testing.assert_close(found, p.grad)


def test_the_vote_of_each_weight_is_the_sign_that_most_ranks_have(told):
    ranks = len(told)
    binary = {i for i, p in enumerate(network().parameters()) if p.ndim == 2}
    ties = 0
    for i, voted in enumerate(told[0]["voted"]):
        own = torch.stack([rank["own"][i] for rank in told])
        if i not in binary:
            torch.testing.assert_close(voted, own.mean(0))
            continue
        weight = told[0]["weights"][i]
        keep = torch.where(weight >= 0, -1.0, 1.0)
        votes = torch.where(own == 0, keep, own)
        plus = (votes >= 0).sum(0)
        decided = 2 * plus != ranks
        expected = torch.where(2 * plus > ranks, 1.0, -1.0)
        assert torch.equal(voted[decided], expected[decided])
        assert (voted.abs() == 1).all()
        ties += (~decided).sum().item()
    assert (ties > 0) == (ranks == 2)


def test_a_module_without_binary_layers_has_nothing_to_vote_on():
    with pytest.raises(ValueError, match="binary layers"):
        MajorityVote(nn.Linear(3, 4))


EXAMPLE = pathlib.Path(__file__).parents[1] / "examples" / "ddp_fashion_mnist.py"


def write_idx(folder, name, array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    (folder / name).write_bytes(header + array.astype(np.uint8).tobytes())


def torchrun(folder, *more):
    arguments = ["--standalone", "--nproc-per-node=2", str(EXAMPLE), "--data", str(folder)]
    arguments += ["--epochs", "4", "--batch", "64", "--width", "64", *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(folder, *more):
    """The last line of a run. PyTorch's processes abort now and then as they meet or part; a run that
    is started again goes on from its checkpoint."""
    for _ in range(5):
        run = torchrun(folder, *more)
        printed, errors = run.communicate(timeout=600)
        if run.returncode == 0:
            return json.loads(printed.splitlines()[-1])
    raise AssertionError(errors)


def workers(run):
    """The processes that torchrun has started."""
    children = pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    return [int(child) for child in children if "ddp_fashion" in pathlib.Path(f"/proc/{child}/cmdline").read_text()]


@pytest.mark.skipif(not pathlib.Path("/proc/self/task").exists(), reason="finds the workers of torchrun in /proc")
def test_a_run_with_a_killed_worker_ends_as_one_that_was_never_interrupted(tmp_path, rng):
    for part, samples in [("train", 8192), ("t10k", 100)]:
        labels = rng.integers(0, 10, samples)
        images = rng.integers(0, 200, (samples, 28, 28))
        images[np.arange(samples), 2 * labels] += 55
        write_idx(tmp_path, f"{part}-images-idx3-ubyte", images)
        write_idx(tmp_path, f"{part}-labels-idx1-ubyte", labels)
    expected = ended(tmp_path)
    assert expected["replicas"] == "equal"
    again = ["--checkpoint", "killed.pt", "--out", "killed.bnn"]
    run = torchrun(tmp_path, *again)
    while not (tmp_path / "killed.pt").exists():
        if run.poll() is not None:
            run = torchrun(tmp_path, *again)
        time.sleep(0.01)
    os.kill(workers(run)[-1], signal.SIGKILL)
    run.communicate(timeout=600)
    assert run.returncode != 0
    assert not (tmp_path / "killed.bnn").exists()
    assert ended(tmp_path, *again)["weights"] == expected["weights"]
    assert (tmp_path / "killed.bnn").read_bytes() == (tmp_path / "ddp.bnn").read_bytes()
    assert not (tmp_path / "killed.part").exists()
