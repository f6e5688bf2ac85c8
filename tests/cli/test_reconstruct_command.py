"""The reconstruction job from its command line, on the tiny models whose numbers the ancestor gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from selfscope.cli import main
from selfscope.config.reader import load_config
from selfscope.store.reader import open_run
from selfscope.views.load import load
from selfscope.views.reconstruct import reconstruct as views_reconstruct
from tests.conftest import smooth_picture

ARCH = dict(embed_dims=48, num_layers=2, num_heads=3, feedforward_channels=96)
PREPROCESSOR = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
DECODER = dict(embed_dim=48, decoder_embed_dim=32, decoder_depth=1, decoder_num_heads=2)
RESIZE = dict(type="Resize", scale=(64, 64), backend="pillow")
MODELS: dict[str, dict[str, Any]] = {
    "mae": dict(
        type="MAE",
        backbone=dict(type="MAEViT", arch=ARCH, img_size=64, patch_size=16, mask_ratio=0.75),
        neck=dict(type="MAEPretrainDecoder", num_patches=16, patch_size=16, in_chans=3, **DECODER),
        head=dict(type="MAEPretrainHead", norm_pix=True, patch_size=16),
    ),
    "simmim": dict(
        type="SimMIM",
        backbone=dict(
            type="SimMIMSwinTransformer",
            arch=dict(embed_dims=8, depths=[2, 2, 2, 2], num_heads=[1, 2, 4, 8]),
            img_size=64,
            stage_cfgs=dict(block_cfgs=dict(window_size=2)),
        ),
        neck=dict(type="SimMIMNeck", in_channels=64, encoder_stride=32),
        head=dict(type="SimMIMHead", patch_size=4, loss=dict(type="SimMIMReconstructionLoss", encoder_in_channels=3)),
    ),
    "maskfeat": dict(
        type="MaskFeat",
        backbone=dict(type="MaskFeatViT", arch=ARCH, img_size=64, patch_size=16),
        neck=dict(type="LinearNeck", in_channels=48, out_channels=108, with_avg_pool=False),
        head=dict(type="MaskFeatPretrainHead", loss=dict(type="PixelReconstructionLoss", criterion="L2")),
        target_generator=dict(type="HOGGenerator", nbins=9, pool=8, gaussian_window=16),
    ),
}
MASKS = {
    "mae": [],
    "simmim": [dict(type="SimMIMMaskGenerator", input_size=64, mask_patch_size=32, model_patch_size=4, mask_ratio=0.6)],
    "maskfeat": [dict(type="BEiTMaskGenerator", input_size=4, num_masking_patches=6, min_num_patches=2)],
}
GRIDS = {"mae": (4, 4), "simmim": (16, 16), "maskfeat": (4, 4)}
VIS = ["--use-vis-pipeline"]
JOBS = {"mae": ["--norm-pix"], "simmim": VIS, "maskfeat": [*VIS, "--target-generator"]}


@pytest.fixture
def config(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return write_config(tmp_path, request.param)


def write_config(folder: Path, name: str) -> Path:
    pack = dict(type="PackSelfSupInputs", algorithm_keys=["mask"] if MASKS[name] else [], meta_keys=["img_path"])
    steps = [dict(type="LoadImageFromFile"), RESIZE, *MASKS[name], pack]
    path = folder / f"{name}.py"
    model = {**MODELS[name], "data_preprocessor": PREPROCESSOR}
    path.write_text(f"default_scope = 'mmselfsup'\nmodel = {model!r}\nvis_pipeline = {steps!r}\n", encoding="utf-8")
    return path


def photo(folder: Path, name: str = "a photo é.jpg") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(smooth_picture(3)).save(path)
    return path


def reconstruct(config: Path, *flags: object) -> int:
    return main(["reconstruct", str(config), "--device", "cpu", *map(str, flags)])


@pytest.mark.parametrize("config", JOBS, indirect=True)
def test_four_panels_and_arrays(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    name, arrays, out = config.stem, tmp_path / "A.npz", tmp_path / "new folder" / "out.jpg"
    picture = photo(tmp_path)
    assert reconstruct(config, "--img-path", picture, "--out-file", out, "--save-arrays", arrays, *JOBS[name]) == 0
    assert "untrained" in capsys.readouterr().out
    kept = dict(np.load(arrays))
    shapes = {key: value.shape for key, value in kept.items()}
    assert shapes["input"] == (3, 64, 64)
    assert shapes["mask"] == GRIDS[name]
    assert {shapes[key] for key in ("pred", "original", "masked", "reconstruction", "pasted")} == {(64, 64, 3)}
    with Image.open(out) as drawn:
        assert drawn.width > 4 * 64
    hidden = np.kron(kept["mask"], np.ones([64 // side for side in GRIDS[name]])).astype(bool)
    np.testing.assert_array_equal(kept["masked"][~hidden], kept["original"][~hidden])
    np.testing.assert_array_equal(kept["pasted"][~hidden], kept["original"][~hidden])
    np.testing.assert_array_equal(kept["pasted"][hidden], kept["reconstruction"][hidden])
    if name != "maskfeat":
        truth = np.asarray(Image.open(picture).resize((64, 64), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(kept["original"], truth)


@pytest.mark.parametrize("config", JOBS, indirect=True)
def test_a_given_mask_is_the_mask(config: Path, tmp_path: Path) -> None:
    given = np.array([[1, 0], [0, 1]])
    np.save(tmp_path / "mask.npy", given)
    arrays = tmp_path / "A.npz"
    flags = ["--mask-file", tmp_path / "mask.npy", "--save-arrays", arrays]
    assert reconstruct(config, "--img-path", photo(tmp_path), *flags, *JOBS[config.stem]) == 0
    side = GRIDS[config.stem][0] // 2
    np.testing.assert_array_equal(np.load(arrays)["mask"], np.kron(given, np.ones((side, side))))


@pytest.mark.parametrize("config", JOBS, indirect=True)
def test_a_seed_gives_the_same_mask_and_weights(config: Path, tmp_path: Path) -> None:
    picture, made = photo(tmp_path), {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        path = tmp_path / f"{name}.npz"
        assert (
            reconstruct(config, "--img-path", picture, "--seed", seed, "--save-arrays", path, *JOBS[config.stem]) == 0
        )
        made[name] = dict(np.load(path))
    for key in made["a"]:
        np.testing.assert_array_equal(made["a"][key], made["b"][key])
    assert (made["a"]["features"] != made["c"]["features"]).any()


@pytest.mark.parametrize("config", ["mae"], indirect=True)
def test_a_folder_keeps_its_subfolders_and_goes_on_past_a_broken_photo(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for name in ("cat/1.jpg", "dog/1.jpg"):
        photo(tmp_path / "photos", name)
    (tmp_path / "photos" / "cat" / "2.jpg").write_text("not a photo")
    flags = ["--img-path", tmp_path / "photos", "--out-file", tmp_path / "out", "--work-dir", tmp_path / "W"]
    assert reconstruct(config, *flags, "--seed", 3) == 0
    assert sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png")) == [
        "cat/1.png",
        "dog/1.png",
    ]
    told = capsys.readouterr()
    assert "2.jpg" in told.err
    assert f"2 pictures in {tmp_path / 'out'}" in told.out
    (run,) = (tmp_path / "W").iterdir()
    assert len(open_run(run).reconstructions) == 2
    assert open_run(run).info["seed"] == 3


@pytest.mark.parametrize("config", ["mae"], indirect=True)
def test_photos_of_one_name_do_not_overwrite_each_other(config: Path, tmp_path: Path) -> None:
    for name in ("cat/1.jpg", "dog/1.jpg", "dog/1.png"):
        photo(tmp_path / "photos", name)
    flags = ["--img-path", tmp_path / "photos" / "*" / "1.*", "--out-file", tmp_path / "out"]
    assert reconstruct(config, *flags) == 0
    made = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png"))
    assert made == ["cat/1.png", "dog/1.jpg.png", "dog/1.png.png"]


@pytest.mark.parametrize("config", ["mae"], indirect=True)
def test_nothing_readable_is_no_success(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "bad").mkdir()
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / "bad" / name).write_text("not a photo")
    assert reconstruct(config, "--img-path", tmp_path / "bad", "--out-file", tmp_path / "out") == 1
    flags = ["--img-path", photo(tmp_path), "--save-arrays", tmp_path / "a.txt"]
    assert reconstruct(config, *flags) == 1
    flags = ["--img-path", photo(tmp_path).parent, "--out-file", tmp_path / "o", "--mask-file", tmp_path / "nope.npy"]
    assert reconstruct(config, *flags) == 1
    told = capsys.readouterr().err
    assert ".npz" in told
    assert "nope.npy: no such mask file" in told


@pytest.mark.parametrize("config", ["mae"], indirect=True)
@pytest.mark.parametrize(
    ("rule", "baseline"), [("patch", "psnr_patch_mean"), ("visible", "psnr_visible_fill"), ("none", None)]
)
def test_a_baseline_leaks_as_much_as_the_picture(config: Path, rule: str, baseline: str | None, tmp_path: Path) -> None:
    record = views_reconstruct(load(config), photo(tmp_path), pixel_stats=rule)
    assert [name for name in record.metrics if name.startswith("psnr_")] == ([baseline] if baseline else [])
    blind = views_reconstruct(load(config), photo(tmp_path), pixel_stats=rule, mask=np.ones((4, 4)))
    assert all(np.isfinite(value) for value in blind.metrics.values())


@pytest.mark.parametrize("config", ["mae"], indirect=True)
def test_a_sweep_removes_what_it_says(config: Path, tmp_path: Path) -> None:
    flags = ["--sweep", "0.25", "0.5", "0.75", "--work-dir", tmp_path / "W", "--out-file", tmp_path / "s.png"]
    assert reconstruct(config, "--img-path", photo(tmp_path), *flags) == 0
    (run,) = (tmp_path / "W").iterdir()
    ratios = sorted(record.settings["mask_ratio"] for record in open_run(run).reconstructions.values())
    assert ratios == [0.25, 0.5, 0.75]


@pytest.mark.parametrize("name", JOBS)
def test_a_checkpoint_changes_what_is_seen_and_said(name: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    config = write_config(tmp_path, name)
    module = load(load_config(config), seed=5).module
    torch.save({"state_dict": module.state_dict()}, tmp_path / "C.pth")
    made = {}
    for key, flags in (("loaded", ["--checkpoint", tmp_path / "C.pth"]), ("random", [])):
        path = tmp_path / f"{key}.npz"
        shared = ["--img-path", photo(tmp_path), "--save-arrays", path]
        assert reconstruct(config, *shared, *flags, *JOBS[name]) == 0
        made[key] = np.load(path)["features"]
        assert ("untrained" in capsys.readouterr().out) == (key == "random")
    assert np.abs(made["loaded"] - made["random"]).max() > 1e-4


def test_a_checkpoint_without_the_decoder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    config = write_config(tmp_path, "mae")
    state = load(load_config(config)).module.state_dict()
    torch.save({k: v for k, v in state.items() if not k.startswith("neck.decoder_pred")}, tmp_path / "C.pth")
    flags = ["--img-path", photo(tmp_path), "--out-file", tmp_path / "o.png", "--checkpoint", tmp_path / "C.pth"]
    assert reconstruct(config, *flags) == 1
    told = capsys.readouterr().err
    assert "decoder_pred" in told
    assert "2 of" in told


REFUSALS = [
    ("mae", ["--out-file", "o.png"], "--img-path"),
    ("mae", ["--img-path", "nowhere.jpg", "--out-file", "o.png"], "nowhere.jpg"),
    ("mae", ["--img-path", "{photo}"], "--out-file"),
    ("mae", ["--img-path", "{photo}", "--out-file", "o.txt"], ".png"),
    ("mae", ["--img-path", "{photo}", "--out-file", "o.png", "--use-vis-pipeline", "--target-generator"], "MaskFeat"),
    ("mae", ["--img-path", "{photo}", "--out-file", "o.png", "--norm-pix", "--pixel-stats", "none"], "contradicts"),
    ("simmim", ["--img-path", "{photo}", "--out-file", "o.png", "--norm-pix"], "predicts pixels"),
    ("mae", ["--img-path", "{photo}", "--out-file", "o.png", "--mask-ratio", "1.5"], "mask_ratio"),
    ("mae", ["--img-path", "{text}", "--out-file", "o.png"], "text.jpg"),
]


@pytest.mark.parametrize(("name", "flags", "words"), REFUSALS)
def test_bad_input_gets_one_sentence(
    name: str, flags: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    config = write_config(tmp_path, name)
    (tmp_path / "text.jpg").write_text("not a photo")
    places = {"{photo}": str(photo(tmp_path)), "{text}": str(tmp_path / "text.jpg"), "o.png": str(tmp_path / "o.png")}
    assert reconstruct(config, *[places.get(flag, flag) for flag in flags]) == 1
    told = capsys.readouterr().err.strip()
    assert words in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "o.png").exists()


def test_a_link_is_fetched_once(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over loopback, with the eight hex digits that OpenMMLab's file names carry."""
    import hashlib
    import http.server
    import threading
    from functools import partial

    monkeypatch.setenv("SELFSCOPE_CACHE", str(tmp_path / "cache"))
    config, served = write_config(tmp_path, "mae"), tmp_path / "served"
    served.mkdir()
    torch.save({"state_dict": load(config, seed=3).module.state_dict()}, served / "w.pth")
    digits = hashlib.sha256((served / "w.pth").read_bytes()).hexdigest()[:8]
    (served / "w.pth").rename(served / f"mae-{digits}.pth")
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(served)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    link = f"http://127.0.0.1:{server.server_address[1]}/mae-{digits}.pth"
    try:
        for name in ("a", "b"):
            flags = ["--img-path", photo(tmp_path), "--save-arrays", tmp_path / f"{name}.npz", "--checkpoint", link]
            assert reconstruct(config, *flags) == 0
    finally:
        server.shutdown()
        server.server_close()
    assert len(asked) == 1
    assert "untrained" not in capsys.readouterr().out
