"""Building from configs: what is built, and the file, line and nearest word of every error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from selfscope.config.names import TABLE
from selfscope.config.reader import Config, load_config
from selfscope.config.registry import HOOKS, Registry
from selfscope.errors import ConfigError, DataError


@dataclass(frozen=True)
class Crop:
    size: int
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"size must be positive, got {self.size}")
        if self.size > 1000:
            raise DataError("too large")


class Anything:
    def __init__(self, **options: Any) -> None:
        self.options = options


@pytest.fixture
def registry() -> Registry:
    made = Registry("transform of the test")
    made.register(Crop)
    made.register_module()(Anything)
    return made


def config_of(folder: Path, source: str) -> Config:
    path = folder / "config.py"
    path.write_text(source, encoding="utf-8")
    return load_config(path)


def message(registry: Registry, config: Any, **options: Any) -> str:
    with pytest.raises(ConfigError) as error:
        registry.build(config, **options)
    return str(error.value).rpartition("config.py")[2]


def test_builds_with_defaults_and_leaves_the_config_alone(registry: Registry) -> None:
    config = dict(type="mmcls.Crop", size=3, _scope_="mmcls", _delete_=True)
    assert registry.build(config, scale=2.0) == Crop(3, 2.0)
    assert registry.build(dict(type=Crop, size=3, scale=0.5), scale=2.0) == Crop(3, 0.5)
    assert config == dict(type="mmcls.Crop", size=3, _scope_="mmcls", _delete_=True)
    assert registry.build(dict(type="Anything", a=1)).options == {"a": 1}


def test_an_unknown_type_names_its_line_and_the_nearest(registry: Registry, tmp_path: Path) -> None:
    config = config_of(tmp_path, "step = dict(\n    size=1,\n    type='Crp')")
    assert message(registry, config.step) == ":3: unknown transform of the test 'Crp'. Did you mean 'Crop'?"


def test_a_misspelt_argument_names_its_line_and_the_nearest(registry: Registry, tmp_path: Path) -> None:
    config = config_of(tmp_path, "step = dict(\n    type='Crop',\n    sice=1)")
    assert message(registry, config.step) == ":3: Crop takes no argument 'sice'. Did you mean 'size'?"
    config = config_of(tmp_path, "step = dict(\n    type='Crop',\n    size=1, probability=2)")
    assert message(registry, config.step) == ":3: Crop takes no argument 'probability'. It takes size, scale."


def test_the_line_is_that_of_the_file_that_wrote_it(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text("\nstep = dict(type='Crop', size=1)\n", encoding="utf-8")
    config = config_of(tmp_path, "_base_ = 'base.py'\nstep = dict(scales=2)")
    assert message(registry, config.step) == ":2: Crop takes no argument 'scales'. Did you mean 'scale'?"
    config = config_of(tmp_path, "_base_ = 'base.py'\nstep = dict(scale=2)")
    config.step.pop("size")
    with pytest.raises(ConfigError, match=r"base.py:2: Crop needs the argument 'size'"):
        registry.build(config.step)


def test_an_option_names_itself(registry: Registry, tmp_path: Path) -> None:
    config_of(tmp_path, "step = dict(type='Crop', size=1)")
    config = load_config(tmp_path / "config.py", ["step.sizes=3"])
    with pytest.raises(ConfigError) as error:
        registry.build(config.step)
    assert str(error.value) == "--cfg-options: Crop takes no argument 'sizes'. Did you mean 'size'?"


def test_what_the_class_refuses_names_the_line(registry: Registry, tmp_path: Path) -> None:
    config = config_of(tmp_path, "a = 1\nstep = dict(type='Crop', size=-1)\nlarge = dict(type='Crop', size=2000)")
    assert message(registry, config.step) == ":2: Crop cannot be built: size must be positive, got -1"
    with pytest.raises(DataError, match="too large"):
        registry.build(config.large)


@pytest.mark.parametrize("config", [dict(size=1), [], None, "Crop", 5])
def test_without_a_type(registry: Registry, config: Any) -> None:
    assert "expected dict(type=…) that names a transform of the test, got " in message(registry, config)


def test_a_name_of_another_kind_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE, "thing", {"Known": "a:b"})
    assert message(Registry("other"), dict(type="Known")) == "unknown other 'Known'. It is a thing."
    assert message(Registry("other"), dict(type="Strange")) == "unknown other 'Strange'."
    assert message(HOOKS, dict(type="EMAHook")).endswith("Known are " + ", ".join(HOOKS.names()) + ".")


def test_names_taken_twice() -> None:
    registry = Registry("thing of the test")

    @registry.register(name=["Short", "Shorter"])
    class First:
        pass

    with pytest.raises(ConfigError, match="'Short' is registered already: pass force=True"):
        registry.register(Crop, name="Short")
    registry.register(First, name="Short")
    registry.register_module(name="Short", force=True)(Crop)
    assert registry.get("Short") is Crop
    assert registry.get("Shorter") is First
    assert "Shorter" in registry
    assert registry.names() == ["Short", "Shorter"]
    with pytest.raises(ConfigError, match="call it with parentheses"):
        registry.register_module(First)  # type: ignore[arg-type]


@pytest.mark.slow
def test_dotted_paths_of_known_packages(registry: Registry) -> None:
    optim = pytest.importorskip("torch.optim")
    assert registry.get("torch.optim.AdamW") is optim.AdamW
    transforms = pytest.importorskip("torchvision.transforms")
    assert registry.get("torchvision/CenterCrop") is transforms.CenterCrop
    assert registry.build(dict(type="torchvision/CenterCrop", size=3)).size == (3, 3)


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.eval",
        "selfscope.config.registry.importlib",
        "selfscope.config.registry.Path",
        "selfscope.config.reader.load_config",
        "selfscope.__main__.main",
        "selfscope.config.registry.Registry.build",
        "torch.optim.optimizer.functools",
        "torchvision.transforms.functional.Any",
        "torchvision/_presets.torch",
        "torchvision/functional.os.system",
        "selfscope..x",
        "selfscope.",
        ".x",
    ],
)
def test_dotted_paths_need_trust(registry: Registry, tmp_path: Path, path: str) -> None:
    config = config_of(tmp_path, f"\nstep = dict(type={path!r}, args='x')")
    text = message(registry, config.step)
    assert text.startswith(":2: ")
    assert any(words in text for words in ("--trust-config", "cannot import", "unknown transform"))


def test_with_trust_any_path_is_imported(registry: Registry) -> None:
    assert registry.build(dict(type="fractions.Fraction", numerator=1, denominator=2), trust=True) == 0.5
    with pytest.raises(ConfigError, match=r"cannot import transform of the test 'fractions\.Nothing'"):
        registry.get("fractions.Nothing", trust=True)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("transform", "selfscope.store.writer.Writer"),
        ("visbackend", "selfscope.store.writer.Writer"),
        ("visualizer", "selfscope.store.features.FeatureSink"),
        ("model", "selfscope.visualization.visualizer.Visualizer"),
        ("dataset", "selfscope.visualization.backends.local.LocalVisBackend"),
        ("hook", "selfscope.data.ends.ToNumpy"),
        ("visualizer", "selfscope.visualization.outlet.Run"),
    ],
)
def test_classes_of_ours_are_built_only_as_what_they_are(tmp_path: Path, kind: str, path: str) -> None:
    config = config_of(tmp_path, f"\nstep = dict(type={path!r}, run_dir={str(tmp_path / 'made')!r})")
    text = message(Registry(kind), config.step)
    assert text.startswith(":2: ")
    assert "--trust-config" in text
    assert not (tmp_path / "made").exists()


def test_classes_of_ours_need_no_trust_as_what_they_are() -> None:
    found = Registry("transform").get("selfscope.data.ends.ToNumpy")
    assert found.__name__ == "ToNumpy"
    found = Registry("visbackend").get("selfscope.visualization.backends.local.LocalVisBackend")
    assert found.__name__ == "LocalVisBackend"


def test_a_config_cannot_trust_itself(registry: Registry, tmp_path: Path) -> None:
    config = config_of(tmp_path, "step = dict(\n    type='Anything',\n    trust=True)")
    assert message(registry, config.step) == ":3: a config cannot trust itself: pass --trust-config instead"
    assert registry.build(config.step, trust=True).options == {"trust": True}
    assert registry.build(dict(type="Anything", trust=False)).options == {"trust": False}
