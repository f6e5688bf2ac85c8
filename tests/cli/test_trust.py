"""Code that a config names is imported with --trust-config, and never without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from selfscope.cli import main

CODE = """
from pathlib import Path
from selfscope import TRANSFORMS
Path(__file__).with_name("imported").touch()

@TRANSFORMS.register_module()
class Darken:
    def __init__(self, by=2):
        self.by = by
    def __call__(self, results):
        results["img"] = results["img"] // self.by
        return results
"""
CONFIG = """
custom_imports = dict(imports=["my_transforms_{name}"], allow_failed_imports=False)
train_dataloader = dict(dataset=dict(
    type="ImageNet", data_root="{root}", ann_file="val.txt", data_prefix="",
    pipeline=[dict(type="LoadImageFromFile"), dict(type="Darken", by=4), dict(type="PackSelfSupInputs")]))
"""


@pytest.fixture
def config(tmp_path: Path, photos: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    name = tmp_path.name.replace("-", "_")
    (tmp_path / f"my_transforms_{name}.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "mine.py"
    path.write_text(CONFIG.format(name=name, root=photos(classes=1, each=2)))
    return path


def test_untrusted_code_is_not_run(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["browse", str(config), "--not-show", "--output-dir", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "Darken" in told
    assert not (tmp_path / "imported").exists()


def test_trusted_code_is(config: Path, tmp_path: Path) -> None:
    assert main(["browse", str(config), "--trust-config", "--not-show", "--output-dir", str(tmp_path / "out")]) == 0
    assert (tmp_path / "imported").exists()
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 2
