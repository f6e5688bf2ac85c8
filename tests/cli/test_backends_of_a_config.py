"""Trackers that a config names are used; one that the config itself would send elsewhere is not, and that is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfscope.cli import main
from selfscope.cli.backends import say_destinations, usable_backends
from selfscope.config.reader import load_config
from selfscope.config.registry import VISBACKENDS
from selfscope.errors import ConfigError
from selfscope.visualization.backends.wandb import WandbVisBackend
from selfscope.visualization.visualizer import Visualizer

TRACKERS = ("Wandb", "MLflow", "Trackio", "SwanLab", "Aim", "ClearML", "DVCLive", "Tensorboard", "Local")
REFUSED = [
    ("Wandb", {"entity": "them"}, "init_kwargs.entity"),
    ("Wandb", {"settings": {"base_url": "https://them.example"}}, "init_kwargs.settings"),
    ("Wandb", {"dir": "/tmp/elsewhere"}, "init_kwargs.dir"),
    ("Wandb", {"anonymous": "must"}, "init_kwargs.anonymous"),
    ("Wandb", {"save_code": True}, "init_kwargs.save_code"),
    ("Wandb", {"argument_of_next_year": 1}, "init_kwargs.argument_of_next_year"),
    ("Wandb", {"mode": "online"}, "init_kwargs.mode"),
    ("Wandb", {"config": "/etc/passwd"}, "init_kwargs.config"),
    ("SwanLab", {"mode": "cloud"}, "init_kwargs.mode"),
    ("SwanLab", {"config": "/etc/passwd"}, "init_kwargs.config"),
    ("Aim", {"run_hash": "../../elsewhere"}, "init_kwargs.run_hash"),
    ("Trackio", {"space_id": "them/space"}, "init_kwargs.space_id"),
    ("Trackio", {"server_url": "https://them.example"}, "init_kwargs.server_url"),
    ("Trackio", {"webhook_url": "https://them.example"}, "init_kwargs.webhook_url"),
    ("SwanLab", {"workspace": "them"}, "init_kwargs.workspace"),
    ("SwanLab", {"public": True}, "init_kwargs.public"),
    ("SwanLab", {"api_key": "k"}, "init_kwargs.api_key"),
    ("SwanLab", {"host": "https://them.example"}, "init_kwargs.host"),
    ("Aim", {"repo": "aim://them.example:53800"}, "init_kwargs.repo"),
    ("ClearML", {"output_uri": "s3://them"}, "init_kwargs.output_uri"),
    ("ClearML", {"auto_connect_frameworks": True}, "init_kwargs.auto_connect_frameworks"),
    ("DVCLive", {"dir": "/tmp/elsewhere"}, "init_kwargs.dir"),
    ("DVCLive", {"dvcyaml": "/tmp/elsewhere/dvc.yaml"}, "init_kwargs.dvcyaml"),
]
FLAT = [
    ("Wandb", {"log_code_name": "code"}, "log_code_name"),
    ("MLflow", {"tracking_uri": "https://them.example"}, "tracking_uri"),
    ("MLflow", {"artifact_location": "s3://them"}, "artifact_location"),
    ("MLflow", {"artifact_suffix": ".py"}, "artifact_suffix"),
    ("ClearML", {"artifact_suffix": ".py"}, "artifact_suffix"),
    ("DVCLive", {"artifact_suffix": ".py"}, "artifact_suffix"),
]
REFUSED_ENTRIES = [(kind, {"init_kwargs": given}, said) for kind, given, said in REFUSED] + FLAT
PLAIN = [
    ("Wandb", {"init_kwargs": {"project": "ssl", "name": "mae", "tags": ["a"], "config": {"entity": "a field"}}}),
    ("Wandb", {"define_metric_cfg": {"loss": "min"}, "commit": True, "watch_kwargs": {"log": "all"}}),
    ("MLflow", {"exp_name": "ssl", "run_name": "mae", "tags": {"a": "b"}, "params": {"lr": 1}}),
    ("Trackio", {"init_kwargs": {"project": "ssl", "auto_log_cpu": False}}),
    ("SwanLab", {"init_kwargs": {"project": "ssl", "mode": "offline"}}),
    ("Aim", {"init_kwargs": {"experiment": "ssl"}}),
    ("ClearML", {"init_kwargs": {"project_name": "ssl", "task_name": "mae"}}),
    ("DVCLive", {"init_kwargs": {"save_dvc_exp": True}}),
    ("Local", {"img_save_dir": "pictures"}),
]


def entry(kind: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": f"{kind}VisBackend", **(given or {})}


def written(tmp_path: Path, *entries: dict[str, Any], options: list[str] | None = None) -> Any:
    """The backends of a config file, with what the command line says."""
    path = tmp_path / "config.py"
    path.write_text(f"visualizer = dict(type='SelfSupVisualizer', vis_backends={list(entries)!r})\n")
    return load_config(path, options).visualizer.vis_backends


@pytest.mark.parametrize("kind", TRACKERS)
def test_a_tracker_named_by_its_type_alone_is_used(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (used,) = usable_backends(written(tmp_path, entry(kind)), tmp_path)
    assert used == {"type": VISBACKENDS.get(f"{kind}VisBackend")}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("kind", "given"), PLAIN)
def test_arguments_that_do_not_say_where_are_kept(
    kind: str, given: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (used,) = usable_backends(written(tmp_path, entry(kind, given)), tmp_path)
    assert {key: value for key, value in used.items() if key != "type"} == given
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("kind", "given", "said"), REFUSED_ENTRIES)
def test_arguments_that_say_where_need_trust(
    kind: str, given: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backends = written(tmp_path, entry("Local"), entry(kind, given))
    (used,) = usable_backends(backends, tmp_path)
    assert used["type"].__name__ == "LocalVisBackend"
    told = capsys.readouterr().err
    assert f"{kind}VisBackend (" in told
    assert f"config.py:1) is not used: {said} would decide where the run goes" in told
    assert "--trust-config allows it, and so does typing it in --cfg-options" in told
    assert usable_backends(backends, tmp_path, trust=True) == backends
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("typed", [
    "visualizer.vis_backends.0.init_kwargs.entity=us",
    "visualizer.vis_backends.0.init_kwargs=dict(entity='us')",
    "visualizer.vis_backends=[dict(type='WandbVisBackend', init_kwargs=dict(entity='us', settings=dict(a=1)))]",
])  # fmt: skip
def test_what_the_user_typed_is_trusted(typed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backends = written(tmp_path, entry("Wandb", {"init_kwargs": {"project": "ssl"}}), options=[typed])
    (used,) = usable_backends(backends, tmp_path)
    assert used["init_kwargs"]["entity"] == "us"
    say_destinations([used])
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("records also go to where init_kwargs.entity")


def test_typing_one_argument_trusts_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = entry("Wandb", {"init_kwargs": {"settings": {"base_url": "https://them.example"}}})
    options = ["visualizer.vis_backends.0.init_kwargs.entity=us"]
    assert usable_backends(written(tmp_path, given, options=options), tmp_path) == []
    assert "init_kwargs.settings would decide" in capsys.readouterr().err


def test_a_folder_outside_the_run_is_set_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    given = [entry("Local", {"save_dir": str(tmp_path / "else")}), entry("Tensorboard", {"save_dir": str(run / "tb")})]
    local, board = usable_backends(written(tmp_path, *given), run)
    assert "save_dir" not in local
    assert board["save_dir"] == str(run / "tb")
    assert "is outside the run, which is kept together in" in capsys.readouterr().err
    options = [f"visualizer.vis_backends.0.save_dir={tmp_path / 'mine'}"]
    local, _ = usable_backends(written(tmp_path, *given, options=options), run)
    assert local["save_dir"] == str(tmp_path / "mine")


def test_code_that_a_config_names_is_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = written(tmp_path, {"type": "os.path.join"})
    assert usable_backends(given, tmp_path) == []
    assert "os.path.join (" in (told := capsys.readouterr().err)
    assert "is not used: it is code that the config names; --trust-config allows it" in told


def test_a_misspelt_backend_is_an_error_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config.py:1: unknown visbackend 'WandBVisBackend'.*Did you mean"):
        usable_backends(written(tmp_path, {"type": "WandBVisBackend"}), tmp_path)


def test_every_tracker_says_where_records_go(capsys: pytest.CaptureFixture[str]) -> None:
    say_destinations([entry("Local"), entry("Wandb"), entry("ClearML")])
    assert capsys.readouterr().out.splitlines() == [
        "records also go to your account of W&B, or the run's folder where you are not logged in (WandbVisBackend); "
        "the server that ClearML is set up for, or its folder on this machine without one (ClearMLVisBackend)"
    ]
    say_destinations([entry("Local"), entry("Tensorboard")])
    assert capsys.readouterr().out == ""


CONFIG = """
vis_backends = [dict(type="LocalVisBackend"), dict(type="WandbVisBackend")]
visualizer = dict(type="SelfSupVisualizer", vis_backends=vis_backends)
train_dataloader = dict(dataset=dict(
    type="CustomDataset", data_root={root!r},
    pipeline=[dict(type="LoadImageFromFile"), dict(type="PackSelfSupInputs")]))
"""


def test_a_config_of_mmselfsup_reaches_its_tracker(
    tmp_path: Path, photos: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    got: list[str] = []
    monkeypatch.setattr(WandbVisBackend, "_init_env", lambda self: None)
    monkeypatch.setattr(WandbVisBackend, "write", lambda self, record: got.append(record.kind))
    path = tmp_path / "mine.py"
    path.write_text(CONFIG.format(root=str(photos(classes=1, each=2))))
    assert main(["browse", str(path), "--not-show", "--work-dir", str(tmp_path / "w"), "--seed", "4"]) == 0
    assert got.count("sample") == 2
    assert "records also go to your account of W&B" in capsys.readouterr().out
    (run,) = (tmp_path / "w").iterdir()
    assert json.loads((run / "run.json").read_text())["seed"] == 4


def test_a_seed_is_noted_where_a_run_is_kept(tmp_path: Path) -> None:
    with Visualizer(vis_backends=[entry("Local")], save_dir=tmp_path) as visualizer:
        assert visualizer.run == tmp_path
        visualizer.note_seed(11)
    assert json.loads((tmp_path / "run.json").read_text())["seed"] == 11
    with Visualizer() as visualizer:
        visualizer.note_seed(11)
        assert visualizer.run is None


def test_backends_that_no_visualizer_reads_are_said(
    photos: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A base has made its visualizer before the config names others; every command opens it in the same place."""
    base = str(Path("configs/selfsup/simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k.py").absolute())
    own = 'vis_backends = [dict(type="DVCLiveVisBackend")]'
    data = f'train_dataloader = dict(dataset=dict(data_root={str(photos())!r}, ann_file="val.txt", data_prefix=""))'
    (tmp_path / "child.py").write_text(f"_base_ = {base!r}\n{own}\n{data}\n")
    monkeypatch.chdir(tmp_path)
    flags = ["browse", "child.py", "--not-show", "-n", "1"]
    assert main([*flags, "--work-dir", "w"]) == 0
    assert (
        "selfscope: child.py:2: vis_backends alone changes nothing, for the visualizer has its own (LocalVisBackend): "
        "write visualizer = dict(vis_backends=vis_backends) below it\n"
    ) in capsys.readouterr().err
    assert main([*flags, "--output-dir", "o"]) == 0
    assert "vis_backends" not in capsys.readouterr().err


def test_a_misspelt_name_of_the_top_level_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    mae = "configs/selfsup/mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py"
    Image.new("RGB", (32, 32)).save("a.png")
    commands = {
        "train_dataloader": ["browse", mae, "--not-show", "--output-dir", "out"],
        "extract_dataloader": ["tsne", "configs/tsne/resnet50_imagenet.py", "--work-dir", "out"],
        "vis_pipeline": ["reconstruct", mae, "--img-path", "a.png", "--out-file", "out/a.png"],
        "val_dataloader": ["probe", mae, "--work-dir", "out"],
    }
    for meant, command in commands.items():
        given = meant.replace("e", "", 1)
        assert main([*command, "--cfg-options", f"{given}.x=1"]) == 1
        assert capsys.readouterr().err.endswith(
            f"selfscope: --cfg-options: nothing here is called {given!r}. Did you mean {meant!r}?\n"
        )
    assert not Path("out").exists()
