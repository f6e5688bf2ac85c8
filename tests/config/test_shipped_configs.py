"""The configs that selfscope ships: every file that the commands name, with the values that its name promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfscope.config.bases import shipped_configs
from selfscope.config.reader import find_config, load_config
from selfscope.errors import ConfigError

ROOT = Path(__file__).parents[2] / "configs"
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))
ONE_OF_EACH = """
    barlowtwins/barlowtwins_resnet50_8xb256-coslr-300e_in1k beit/beit_vit-base-p16_8xb256-amp-coslr-300e_in1k
    beitv2/beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k byol/byol_resnet50_16xb256-coslr-200e_in1k
    cae/cae_vit-base-p16_8xb256-amp-coslr-300e_in1k deepcluster/deepcluster-sobel_resnet50_8xb64-steplr-200e_in1k
    densecl/densecl_resnet50_8xb32-coslr-200e_in1k eva/eva-mae-style_vit-base-p16_16xb256-coslr-400e_in1k
    milan/milan_vit-base-p16_16xb256-amp-coslr-400e_in1k mixmim/mixmim-base-p16_16xb128-coslr-300e_in1k
    mocov1/mocov1_resnet50_8xb32-steplr-200e_in1k mocov2/mocov2_resnet50_8xb32-coslr-200e_in1k
    mocov3/mocov3_vit-small-p16_16xb256-amp-coslr-300e_in1k npid/npid-ensure-neg_resnet50_8xb32-steplr-200e_in1k
    odc/odc_resnet50_8xb64-steplr-440e_in1k pixmim/pixmim_vit-base-p16_8xb512-amp-coslr-800e_in1k
    relative_loc/relative-loc_resnet50_8xb64-steplr-70e_in1k rotation_pred/rotation-pred_resnet50_8xb16-steplr-70e_in1k
    simclr/simclr_resnet50_16xb256-coslr-800e_in1k swav/swav_resnet50_8xb32-mcrop-2-6-coslr-200e_in1k-224-96
""".split()
MAE = "selfsup/mae/mae_vit-{}_8xb512-{}coslr-{}e_in1k.py"


@pytest.mark.parametrize("file", FILES)
def test_every_file_loads_and_dumps_to_an_equal_value(file: str, tmp_path: Path) -> None:
    config = load_config(ROOT / file)
    dumped = tmp_path / "dumped.py"
    dumped.write_text(config.source(), encoding="utf-8")
    assert load_config(dumped) == config
    assert load_config(dumped).to_dict() == config.to_dict()


def test_the_names_are_those_that_users_know() -> None:
    mae = [MAE.format("base-p16", "", 400), MAE.format("huge-p16", "amp-", 1600)]
    mae += [MAE.format(f"{size}-p16", "amp-", epochs) for size in ("base", "large") for epochs in (300, 400, 800, 1600)]
    swin = "selfsup/simmim/simmim_swin-{}-amp-coslr-{}e_in1k-192.py"
    simmim = [
        swin.format(*run)
        for run in (("base_16xb128", 100), ("base_16xb128", 800), ("base_8xb256", 100), ("large_16xb128", 800))
    ]
    others = [f"selfsup/simsiam/simsiam_resnet50_8xb32-coslr-{epochs}e_in1k.py" for epochs in (100, 200)]
    others += ["selfsup/maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k.py"]
    others += [f"tsne/{model}_imagenet.py" for model in ("resnet50", "vit-base-p16", "swin-base")]
    others += [f"selfsup/{file}.py" for file in ONE_OF_EACH]
    assert {*mae, *simmim, *others} <= set(FILES)


@pytest.mark.parametrize("epochs", [300, 400, 800, 1600])
@pytest.mark.parametrize(("size", "arch", "width"), [("base", "b", 768), ("large", "l", 1024)])
def test_mae(epochs: int, size: str, arch: str, width: int) -> None:
    config = load_config(ROOT / MAE.format(f"{size}-p16", "amp-", epochs))
    assert config.train_cfg == dict(type="EpochBasedTrainLoop", max_epochs=epochs)
    assert (config.model.backbone.arch, config.model.neck.embed_dim) == (arch, width)
    assert config.param_scheduler[1].T_max == epochs - 40
    assert config.optim_wrapper.type == "AmpOptimWrapper"
    assert config.optim_wrapper.optimizer.lr == pytest.approx(2.4e-3)


def test_the_swin_of_tsne_names_its_last_stage() -> None:
    assert load_config(ROOT / "tsne/swin-base_imagenet.py").model.backbone.out_indices == (3,)


def test_bases_of_other_packages_know_their_scope() -> None:
    config = load_config(ROOT / "tsne/resnet50_imagenet.py")
    assert config.visualizer == dict(type="ClsVisualizer", vis_backends=[dict(type="LocalVisBackend")], _scope_="mmcls")
    assert config.default_hooks.logger == dict(type="LoggerHook", interval=100, _scope_="mmcls")
    assert "_scope_" not in config.env_cfg


@pytest.mark.parametrize(
    ("scope", "pack", "visualizer", "split"),
    [("mmcls", "PackClsInputs", "ClsVisualizer", None), ("mmpretrain", "PackInputs", "UniversalVisualizer", "train")],
)
def test_scopes_differ(tmp_path: Path, scope: str, pack: str, visualizer: str, split: str | None) -> None:
    config = tmp_path / "c.py"
    bases = [
        "default_runtime",
        "datasets/imagenet_bs64_swin_224",
        "schedules/imagenet_bs1024_adamw_swin",
        "models/mixmim/mixmim_base",
    ]
    config.write_text(f"_base_ = {[f'{scope}::_base_/{base}.py' for base in bases]}", encoding="utf-8")
    values = load_config(config)
    assert values.train_pipeline[-1] == dict(type=pack, _scope_=scope)
    assert values.visualizer.type == visualizer
    assert values.train_dataloader.dataset.get("split") == split
    assert values.train_dataloader.dataset._scope_ == values.model._scope_ == scope
    assert "_scope_" not in values.train_dataloader.dataset.pipeline[0]
    assert values.optim_wrapper.optimizer.lr == pytest.approx(1e-3)


def test_mmselfsup_s_own_configs_can_be_bases(tmp_path: Path) -> None:
    config = tmp_path / "c.py"
    config.write_text(
        "_base_ = 'mmselfsup::selfsup/_base_/models/simsiam.py'\nmodel = dict(backbone=dict(depth=18))",
        encoding="utf-8",
    )
    assert load_config(config).model.backbone.depth == 18


def test_find_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    expected = ROOT / "tsne/resnet50_imagenet.py"
    for name in (
        "configs/tsne/resnet50_imagenet.py",
        "tsne/resnet50_imagenet.py",
        "tsne/resnet50_imagenet",
        str(expected),
    ):
        assert find_config(name).resolve() == expected
    (tmp_path / "tsne").mkdir()
    own = tmp_path / "tsne" / "resnet50_imagenet.py"
    own.write_text("x = 1", encoding="utf-8")
    assert find_config("tsne/resnet50_imagenet.py").resolve() == own


@pytest.mark.parametrize(
    "name", ["configs/tsne/resnet50_imagnet.py", "../../etc/passwd", "", "x" * 5000, "a\0b", "~nobody-here/x.py"]
)
def test_a_config_that_is_not_there_is_one_sentence(name: str) -> None:
    with pytest.raises(ConfigError) as error:
        find_config(name)
    assert "\n" not in str(error.value)
    if "imagnet" in name:
        assert "Did you mean 'configs/tsne/resnet50_imagenet.py'?" in str(error.value)


@pytest.mark.parametrize("name", ["notes.txt", "config.yaml", "config"])
def test_only_python_files_are_configs(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("secret = 1", encoding="utf-8")
    with pytest.raises(ConfigError, match="a config is a Python file") as error:
        load_config(file)
    assert "secret" not in str(error.value)


def test_the_shipped_folder_is_the_checkout_s() -> None:
    assert shipped_configs() == ROOT.resolve()


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("nosuch.py", "`selfscope config` alone lists those that it ships."),
        ("mae.py", "`selfscope config` alone lists those that it ships."),
        ("configs/tsne/resnet50_imagenett.py", "Did you mean 'configs/tsne/resnet50_imagenet.py'?"),
        ("resnet50_imagnet", "Did you mean 'configs/tsne/resnet50_imagenet.py'?"),
        ("min.py", "Did you mean 'mine.py'?"),
        ("nowhere/mine.py", "`selfscope config` alone lists those that it ships."),
        (
            "mae_vit-base-p16_8xb512-coslr-300e_in1k.py",
            "Did you mean 'configs/selfsup/mae/mae_vit-base-p16_8xb512-coslr-400e_in1k.py'?",
        ),
    ],
)
def test_only_a_near_config_is_suggested(
    given: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").touch()
    with pytest.raises(ConfigError) as refused:
        find_config(given)
    assert str(refused.value) == f"{given}: there is no such config here, and selfscope ships none. {hint}"
