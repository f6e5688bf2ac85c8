"""Names of a config's top level: slips of the pen are refused, the user's own names are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfscope.config.bases import shipped_configs
from selfscope.config.reader import load_config
from selfscope.config.top_level import LOOKED_AT, TRAINED_BY, check_names, lacking, unused_backends
from selfscope.config.values import Config
from selfscope.errors import ConfigError

SHIPPED = sorted(path for path in shipped_configs().rglob("*.py") if "_base_" not in path.parts)
UPSTREAM = """
model optim_wrapper train_dataloader train_cfg param_scheduler train_pipeline test_dataloader test_pipeline
val_dataloader default_hooks data_preprocessor auto_scale_lr dataset_type randomness optimizer test_cfg val_cfg
test_evaluator custom_hooks val_evaluator data_root find_unused_parameters resume bgr_mean bgr_std view_pipeline1
view_pipeline2 data extract_pipeline extract_dataloader default_scope custom_imports view_pipeline env_cfg visualizer
log_level load_from temperature vis_backends log_processor num_classes norm_cfg vis_pipeline vqkd_encoder
layer_scale_init_value drop_path_rate image_size EIGVAL EIGVEC lr img_norm_cfg strategy runner_type ann_file_train
num_crops pretrained evaluation rand_increasing_policies base_train_pipeline train_pipeline_1e embed_dims meta_prompt
prompt_tmpl runner launcher work_dir data_root_val ann_file_val ann_file_test val_pipeline repeat_sample base_lr
color_distort_strength zeroshot_prompt pool_cfg checkpoint_config test_transforms_cfg loss ANS2LABEL batch_size
warmup_epochs query_dataloader gallery_dataloader policy_imagenet pipeline common_data_cfg resume_from med_config
policies paramwise_cfg ipu_model_cfg options_cfg fp16 console file_client_args preprocess_cfg split_at split_name
data_source prefetch global_crop local_crop global_pipeline1 local_pipeline eval_pipeline
""".split()
"""Every name that a config of MMPretrain 1.2 or MMSelfSup 1.0 has at its top level."""


@pytest.mark.parametrize("read", [LOOKED_AT, TRAINED_BY])
def test_names_of_upstream_configs_are_no_misspellings(read: tuple[str, ...]) -> None:
    check_names(Config(dict.fromkeys(UPSTREAM)), read)
    check_names(Config(dict.fromkeys(["mode", "models_a", "train_dataloader_aug", "my_vis_pipeline"])), read)
    check_names(Config(dict.fromkeys(["models", "model", "visualizers", "visualizer"])), read)


def test_no_shipped_config_has_a_misspelling() -> None:
    assert len(SHIPPED) > 60
    for path in SHIPPED:
        check_names(load_config(path))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("train_dataloadr", "train_dataloader"),
        ("trian_dataloader", "train_dataloader"),
        ("extract_dataoader", "extract_dataloader"),
        ("vis_pipline", "vis_pipeline"),
        ("visualiser", "visualizer"),
        ("vis_backend", "vis_backends"),
        ("omdel", "model"),
        ("models", "model"),
        ("data_preprocesser", "data_preprocessor"),
    ],
)
def test_a_misspelt_name_is_refused_with_its_line(given: str, meant: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"_base_ = {str(SHIPPED[0])!r}\n{given} = dict()\n")
    with pytest.raises(ConfigError, match=rf"mine.py:2: nothing here is called '{given}'. Did you mean '{meant}'\?"):
        check_names(load_config(path))


@pytest.mark.parametrize(
    ("given", "meant"),
    [("dtaset.data_root", "dataset"), ("batchsize", "batch_size"), ("dataset.pipline", "pipeline")],
)
def test_a_misspelt_name_of_a_loader_is_refused(given: str, meant: str) -> None:
    config = load_config("configs/tsne/resnet50_imagenet.py", [f"extract_dataloader.{given}=a"])
    word = given.removeprefix("dataset.").partition(".")[0]
    with pytest.raises(ConfigError, match=rf"--cfg-options: nothing here is called '{word}'. Did you mean '{meant}'\?"):
        check_names(config)


def test_what_only_training_reads_is_no_concern_of_those_who_look() -> None:
    check_names(Config({"optim_wraper": {}}))
    with pytest.raises(ConfigError, match="optim_wrapper"):
        check_names(Config({"optim_wraper": {}}), TRAINED_BY)


def test_what_is_lacking_names_what_may_be_meant_for_it() -> None:
    def said(*names: str) -> str:
        return str(lacking(Config(dict.fromkeys(names)), "train_dataloader", "dict(…)", "; it has none"))

    assert said("train_loader") == (
        "config: has no `train_dataloader = dict(…)` (is 'train_loader' meant for it?); it has none"
    )
    assert said("val_dataloader", "lr") == "config: has no `train_dataloader = dict(…)`; it has none"


def test_backends_alone_are_found_where_they_are_written(tmp_path: Path) -> None:
    backends, base = '[dict(type="TensorboardVisBackend")]', f"_base_ = {str(SHIPPED[0])!r}\n"
    alone, both, typed = (tmp_path / f"{name}.py" for name in ("alone", "both", "typed"))
    alone.write_text(f"{base}\nvis_backends = {backends}\n")
    both.write_text(f"{base}vis_backends = {backends}\nvisualizer = dict(vis_backends=vis_backends)\n")
    typed.write_text(base)
    file, line = unused_backends(load_config(alone)) or ("", 0)
    assert (Path(str(file)).name, line) == ("alone.py", 3)
    assert unused_backends(load_config(both)) is None
    assert unused_backends(load_config(typed)) is None
    assert unused_backends(load_config(typed, [f"vis_backends={backends}"])) == ("--cfg-options", None)
    assert unused_backends(load_config(typed, [f"visualizer.vis_backends={backends}"])) is None
