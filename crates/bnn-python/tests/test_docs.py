"""The code of docs/PYTHON.md and of the package's README runs as it stands, block after block."""

import importlib.util
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[3]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_tour_runs(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "PYTHON.md").read_text()
    blocks = BLOCK.findall(text)
    assert len(blocks) > 5
    for folder in ("firmware", "crates"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        if "import torch" in block and importlib.util.find_spec("torch") is None:
            pytest.skip("PyTorch is not installed; the blocks before it have run")
        exec(compile(block, "docs/PYTHON.md", "exec"), names)


def test_the_readme_s_example_runs():
    (block,) = BLOCK.findall((ROOT / "crates" / "bnn-python" / "README.md").read_text())
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["y"].shape == (128, 1000)
