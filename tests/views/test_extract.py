"""Extraction against the model run by hand, image by image, as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import transforms

from selfscope.data.picture import read_picture
from selfscope.errors import ConfigError, DataError, ModelError, RunError, UsageError
from selfscope.models.encoder import wrap_module
from selfscope.store.shards import FeatureFolder
from selfscope.views import shared_work
from selfscope.views.extract import extract
from selfscope.views.load import load

Photos = Callable[..., Path]
SIDE = 32
OPTIONS = {
    "model.backbone.depth": 18,
    "extract_dataloader.dataset.pipeline.1.scale": SIDE,
    "extract_dataloader.dataset.pipeline.2.crop_size": SIDE,
}


def resnet(**more: Any) -> Any:
    return load("configs/tsne/resnet50_imagenet.py", options={**OPTIONS, **more}, seed=3)


def vit() -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=SIDE, depth=3, embed_dim=24, num_heads=2)


def crop(path: Path) -> Tensor:
    """The image as the ViT's own pipeline has it, done again with torchvision on Pillow."""
    steps = [transforms.Resize(int(SIDE / 0.9), transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(SIDE)]
    return transforms.PILToTensor()(transforms.Compose(steps)(Image.fromarray(read_picture(path))))


def pixels_of(model: Any, paths: tuple[str, ...]) -> Tensor:
    return wrap_module(model).normaliser(torch.stack([crop(Path(path)) for path in paths]))


WAYS = [{}, {"batch_size": 1}, {"batch_size": 4}, pytest.param({"workers": 1}, marks=pytest.mark.slow)]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("options", WAYS, ids=str)
def test_features_are_those_of_the_model_run_by_hand(options: dict[str, Any], threads: int, photos: Photos) -> None:
    if "workers" in options and threads > 1:
        pytest.skip("a process more tells nothing")
    model, before = vit().eval(), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        features = extract(model, photos(classes=3, each=5), **options)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    with torch.inference_mode():
        wanted = model(pixels_of(model, features.paths or ()))
    np.testing.assert_allclose(features.arrays["feat_2"], wanted.numpy(), atol=1e-5)
    np.testing.assert_array_equal(features.labels, np.repeat(np.arange(3), 5))


def test_convolutions_are_folded_and_features_stay(photos: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    model, root = resnet(), photos()
    for part in model.module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_var, 0.5, 2.0)
    features = extract(model, root)
    assert features.settings["quick_folded"] == 20
    assert features.settings["quick_channels_last"] is True
    assert features.settings["quick_difference"] < 1e-5
    assert sum(isinstance(part, nn.BatchNorm2d) for part in model.module.modules()) == 20
    monkeypatch.setattr("selfscope.views.forward.quickened", lambda module, run: (module, {}))
    plain = np.asarray(extract(model, root))
    np.testing.assert_allclose(np.asarray(features), plain, atol=1e-5 * np.abs(plain).max())


@pytest.mark.slow
def test_several_stages_take_one_pass(photos: Photos) -> None:
    root, model, passes = photos(classes=1, each=3), resnet(), []
    model.module.backbone.conv1.register_forward_hook(lambda *_: passes.append(1))
    together = extract(model, root, stage=("neck", "backbone", "pre_logits"))
    several = len(passes)
    alone = {s: extract(model, root, stage=s) for s in ("backbone", "neck", "pre_logits")}
    assert list(together.arrays) == ["feat_3", "feat_neck", "feat_pre_logits"]
    assert several * 3 == len(passes) - several
    for one in alone.values():
        for name, array in one.arrays.items():
            np.testing.assert_allclose(together.arrays[name], array, atol=1e-6)


@pytest.mark.slow
def test_out_indices_are_those_of_the_config(photos: Photos) -> None:
    root = photos(classes=1, each=2)
    chosen = extract(resnet(), root, out_indices=(1, -1))
    given = extract(resnet(**{"model.backbone.out_indices": [1, 3]}), root)
    assert {k: v.shape for k, v in chosen.arrays.items()} == {"feat_1": (2, 128), "feat_3": (2, 512)}
    for name in given.arrays:
        np.testing.assert_allclose(chosen.arrays[name], given.arrays[name], atol=1e-6)
    model = resnet()
    extract(model, root, out_indices=(0,))
    assert model.module.backbone.out_indices == (3,)
    with pytest.raises(ConfigError, match=r"expected 0\.\.3"):
        extract(model, root, out_indices=(7,))


def test_pooling_of_a_timm_vit(photos: Photos) -> None:
    root, model = photos(classes=1, each=2), vit().eval()
    found = {pool: extract(model, root, pool=pool) for pool in ("cls", "mean", "cls+mean")}
    with torch.inference_mode():
        tokens = model.forward_features(pixels_of(model, found["cls"].paths or ()))
    wanted = {"cls": tokens[:, 0], "mean": tokens[:, 1:].mean(1)}
    wanted["cls+mean"] = torch.cat([wanted["cls"], wanted["mean"]], 1)
    for pool, features in found.items():
        np.testing.assert_allclose(features.arrays["feat_2"], wanted[pool], atol=1e-5)
        assert features.settings["pool"] == pool
    middle = extract(model, root, pool="cls+mean", out_indices=(0, 2))
    assert {k: v.shape for k, v in middle.arrays.items()} == {"feat_0": (2, 48), "feat_2": (2, 48)}
    np.testing.assert_allclose(middle.arrays["feat_2"], wanted["cls+mean"], atol=1e-5)


def test_a_layer_by_its_name(photos: Photos) -> None:
    root, model = photos(classes=1, each=2), vit().eval()
    features = extract(model, root, stage=("layer:blocks.1.mlp.act", "backbone"))
    seen: list[Tensor] = []
    model.blocks[1].mlp.act.register_forward_hook(lambda part, given, output: seen.append(output))
    with torch.inference_mode():
        model(pixels_of(model, features.paths or ()))
    np.testing.assert_allclose(features.arrays["feat_blocks.1.mlp.act"], seen[0].mean(1), atol=1e-5)
    assert any("averaged over 5 tokens" in note for note in features.settings["notes"])
    with pytest.raises(ModelError, match=r"layer:blocks\.9: the model has no such part\. Did you mean 'blocks\.[012]'"):
        extract(model, root, stage="layer:blocks.9")


def test_a_transform_of_the_users_is_all_that_is_done(photos: Photos) -> None:
    transform = transforms.Compose([transforms.Resize((8, 8)), transforms.ToTensor()])
    root = photos(classes=1, each=3)
    features = extract(nn.Flatten(), root, transform=transform)
    wanted = [transform(Image.fromarray(read_picture(path))).flatten() for path in features.paths or ()]
    np.testing.assert_array_equal(np.asarray(features), torch.stack(wanted).numpy())
    assert "image_size" not in features.settings
    assert not [note for note in features.settings["notes"] if "ImageNet" in note]
    assert [note for note in extract(nn.Flatten(), root).settings["notes"] if "ImageNet" in note]
    with pytest.raises(ConfigError, match=r"transform: expected a tensor \(C, H, W\) from a Pillow image, got Image"):
        extract(nn.Flatten(), root, transform=lambda image: image)


class Counts(nn.Module):
    """The mean of each image, with as little memory as one is told."""

    def __init__(self, most: int = 10**9) -> None:
        super().__init__()
        self.most, self.batches = most, []
        self.drop = nn.Dropout(0.5)

    def forward(self, pixels: Tensor) -> Tensor:
        self.batches.append(len(pixels))
        if len(pixels) > self.most:
            raise torch.OutOfMemoryError("out of memory")
        return self.drop(pixels).mean((2, 3))


def test_too_little_memory_halves_the_batch(photos: Photos) -> None:
    root = photos(classes=1, each=7)
    plenty, little = extract(Counts(), root, batch_size=7), extract(Counts(most=2), root, batch_size=7)
    np.testing.assert_allclose(np.asarray(little), np.asarray(plenty), atol=1e-6)
    with pytest.raises(ModelError, match="no memory for a single image"):
        extract(Counts(most=0), root)


def test_the_module_keeps_its_mode_and_its_features_do_not_depend_on_it(photos: Photos) -> None:
    module, root = Counts().train(), photos(classes=1, each=3)
    once, again = (np.asarray(extract(module, root)) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert module.training
    assert module.drop.training


def test_half_the_space(photos: Photos, tmp_path: Path) -> None:
    root = photos()
    whole, half = extract(vit().eval(), root), extract(vit().eval(), root, dtype="float16", folder=tmp_path / "F")
    assert half.arrays["feat_2"].dtype == np.float16
    np.testing.assert_array_equal(half.arrays["feat_2"], np.asarray(whole).astype(np.float16))


class Large(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.mean((2, 3)) * 0 + 1e5


def test_what_half_a_float_cannot_hold_is_refused(photos: Photos) -> None:
    with pytest.raises(ModelError, match=r"feat_0: features reach 1e\+05, beyond float16's 65504: keep float32"):
        extract(Large(), photos(), dtype="float16")


@pytest.mark.parametrize("gone", [["0/0.jpg"], ["0/3.jpg", "2/0.jpg"], ["0/0.jpg", "0/1.jpg", "0/2.jpg", "0/3.jpg"]])
def test_images_that_cannot_be_read_are_named(gone: list[str], photos: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_work, "SHARD", 4)
    root = photos(classes=3, each=4)
    torn = {str(root / f"n0000000{name[0]}_kind {name}") for name in gone}
    whole = extract(Counts(), root, batch_size=2)
    for path in torn:
        Path(path).write_bytes(b"torn")
    left = extract(Counts(), root, batch_size=2)
    kept = [path not in torn for path in whole.paths or ()]
    assert {path for path, _ in left.skipped} == torn
    assert all("is not a picture" in reason for _, reason in left.skipped)
    np.testing.assert_array_equal(np.asarray(left), np.asarray(whole)[kept])
    np.testing.assert_array_equal(left.labels, np.asarray(whole.labels)[kept])
    assert left.paths == tuple(np.array(whole.paths)[kept])


def test_none_that_can_be_read(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=1, each=2)
    for path in root.rglob("*.jpg"):
        path.write_bytes(b"torn")
    for options in ({}, {"folder": tmp_path / "F"}):
        with pytest.raises(DataError, match=r"none of 2 images could be read; the first: .*0\.jpg"):
            extract(Counts(), root, **options)
    assert not (tmp_path / "F").exists()


class Stops(Counts):
    def forward(self, pixels: Tensor) -> Tensor:
        if len(self.batches) > 4:
            raise KeyboardInterrupt
        return super().forward(pixels)


@pytest.mark.parametrize("threads", [1, 2])
def test_what_was_stopped_is_carried_on(
    threads: int, photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_work, "SHARD", 4)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr("selfscope.views.identity.digest_of", lambda value: "the same")
    root = photos(classes=4, each=4)
    with pytest.raises(KeyboardInterrupt):
        extract(Stops(), root, batch_size=2, folder=tmp_path / "F")
    done = sorted(path.name for path in (tmp_path / "F" / "shards").glob("*.npz"))
    assert done
    resumed = Counts()
    features = extract(resumed, root, batch_size=2, folder=tmp_path / "F")
    assert sum(resumed.batches) < 16
    extract(Counts(), root, batch_size=2, folder=tmp_path / "G")
    assert (tmp_path / "F" / "feat_0.npy").read_bytes() == (tmp_path / "G" / "feat_0.npy").read_bytes()
    again = Counts()
    np.testing.assert_array_equal(np.asarray(extract(again, root, folder=tmp_path / "F")), np.asarray(features))
    assert again.batches == []


def test_another_batch_size_begins_anew(photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selfscope.views.identity.digest_of", lambda value: "the same")
    monkeypatch.setattr(shared_work, "SHARD", 4)
    root = photos(classes=4, each=4)
    with pytest.raises(KeyboardInterrupt):
        extract(Stops(), root, batch_size=2, folder=tmp_path / "F")
    anew = Counts()
    assert extract(anew, root, batch_size=3, folder=tmp_path / "F").settings["batch_size"] == 3
    assert sum(anew.batches) >= 16


def test_a_folder_of_others_is_refused(photos: Photos, tmp_path: Path) -> None:
    root = photos(classes=1, each=2)
    extract(vit().eval(), root, folder=tmp_path / "F")
    changed = vit().eval()
    with torch.no_grad():
        changed.norm.bias += 1
    for model, options in ((changed, {}), (vit().eval(), {"pool": "mean"})):
        with pytest.raises(RunError, match="holds features of another model, data or version"):
            extract(model, root, folder=tmp_path / "F", **options)
    Image.new("RGB", (9, 9)).save(next(root.rglob("*.jpg")))
    with pytest.raises(RunError, match="another model, data"):
        extract(vit().eval(), root, folder=tmp_path / "F")


def test_memory_holds_one_shard_however_many_images(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By construction: what is handed to the folder is never more than a shard, and what comes back is mapped."""
    monkeypatch.setattr(shared_work, "SHARD", 4)
    rows: list[int] = []
    write = FeatureFolder.write
    monkeypatch.setattr(
        FeatureFolder, "write", lambda self, n, s: (rows.append(len(s.arrays["feat_0"])), write(self, n, s))
    )
    features = extract(Counts(), photos(classes=4, each=4), batch_size=2, folder=tmp_path / "F")
    assert rows == [4, 4, 4, 4]
    assert isinstance(features.arrays["feat_0"], np.memmap)


class Wide(nn.Module):
    """Features of a quarter of a megabyte an image."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.mean((1, 2, 3))[:, None].expand(-1, 1 << 16).contiguous()


def own_memory() -> float:
    """Megabytes of this process that are not pages of files."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
def test_memory_does_not_grow_with_the_images(photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """128 MB of features by way of shards of 2 MB; a first call fills what the allocator keeps for itself."""
    monkeypatch.setattr(shared_work, "SHARD", 8)
    paths = sorted(photos(classes=1, each=2).rglob("*.jpg"))
    extract(Wide(), paths * 32, batch_size=4, folder=tmp_path / "warm")
    before, most = own_memory(), [0.0]
    write = FeatureFolder.write
    monkeypatch.setattr(FeatureFolder, "write", lambda self, n, s: (write(self, n, s), most.append(own_memory())))
    features = extract(Wide(), paths * 256, batch_size=4, folder=tmp_path / "F")
    array = features.arrays["feat_0"]
    assert array.nbytes == 128 << 20
    assert max(*most, own_memory()) - before < 100  # all at once takes 268
    assert (array[:, 0] == np.tile(array[:2, 0], 256)).all()


REFUSALS = [
    ({"stage": "head"}, "stage: expected one of backbone, neck, pre_logits or layer:<name>, got 'head'"),
    ({"stage": ()}, "stage: expected at least one"),
    ({"pool": "max"}, "pool: expected one of cls, mean, cls+mean, got 'max'"),
    ({"dtype": "int8"}, "dtype: expected one of float32, float16, got 'int8'"),
    ({"batch_size": 0}, "batch_size: expected at least 1, got 0"),
    ({"workers": -1}, "workers: expected at least 0, got -1"),
    ({"distributed": True}, "distributed: give a folder that all processes see"),
    ({"batchsize": 4}, "extract: has no option 'batchsize'. Did you mean 'batch_size'. The options are stage, out"),
]


@pytest.mark.parametrize(("options", "sentence"), REFUSALS, ids=[str(o) for o, _ in REFUSALS])
def test_refusals(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence.replace("+", r"\+").replace("'", ".")):
        extract(Counts(), "/nowhere", **options)


@pytest.mark.slow
def test_pooling_that_a_model_does_not_have(photos: Photos) -> None:
    root = photos(classes=1, each=1)
    with pytest.raises(ModelError, match=r"pool='cls': this output has no class token"):
        extract(resnet(), root, pool="cls")
    with pytest.raises(ModelError, match="does not tell tokens from maps"):
        extract(Counts(), root, pool="mean")
    with pytest.raises(ModelError, match="does not let its outputs be chosen"):
        extract(Counts(), root, out_indices=(0,))


@pytest.mark.slow
def test_pooling_of_a_configs_vit(photos: Photos) -> None:
    """Class token and mean of patches are those of the backbone's own output."""
    options = {**OPTIONS, "model.backbone.arch": "deit-tiny", "model.backbone.out_indices": [0, 11]}
    del options["model.backbone.depth"]
    model = load("configs/tsne/vit-base-p16_imagenet.py", options=options, seed=0)
    root = photos(classes=1, each=2)
    seen: list[Tensor] = []
    plain, mean = extract(model, root), extract(model, root, pool="mean")
    model.module.backbone.blocks[0].register_forward_hook(lambda part, given, output: seen.append(output))
    both = extract(model, root, pool="cls+mean")
    np.testing.assert_allclose(both.arrays["feat_0"][:, :192], seen[-1][:, 0], atol=1e-6)
    for name in ("feat_0", "feat_11"):  # this config has no class token stand for the image
        np.testing.assert_allclose(both.arrays[name][:, 192:], mean.arrays[name], atol=1e-6)
        np.testing.assert_allclose(plain.arrays[name], mean.arrays[name], atol=1e-6)
