"""Pictures of samples and of reconstructions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from selfscope.draw import sample as sample_module
from selfscope.draw.mask import overlay
from selfscope.draw.sample import metrics_line, reconstruction_picture, sample_picture
from selfscope.draw.show import sample_photo
from selfscope.errors import RecordError, UsageError
from selfscope.records import Reconstruction, Sample, View
from tests.draw.golden import check_golden
from tests.draw.test_draw_compose import find

PHOTO = sample_photo(180, 240)
MASK = (np.random.default_rng(0).permutation(49).reshape(7, 7) < 30).astype(np.uint8)
AMBER = (255, 243, 214)


def view(side: int, seed: int = 0, **fields: object) -> View:
    return View(sample_photo(side, side, seed), **fields)  # type: ignore[arg-type]


def test_a_masked_sample_shows_the_view_without_and_with_its_mask() -> None:
    sample = Sample("a/1", (view(192),), mask=MASK)
    drawn = sample_picture(sample)
    (plain,), (masked,) = find(drawn, sample.views[0].picture), find(drawn, overlay(sample.views[0].picture, MASK))
    assert plain[0] == masked[0]
    assert plain[1] < masked[1]


def test_every_view_is_shown_at_its_own_size() -> None:
    """The ancestor showed one of SwAV's eight views."""
    views = (view(224, 0), view(224, 1), *(view(96, seed) for seed in range(2, 8)))
    drawn = sample_picture(Sample("a/1", views))
    places = [find(drawn, one.picture) for one in views]
    assert all(len(place) == 1 for place in places)
    assert len({place[0] for place in places}) == 8


def test_four_rotations_stand_in_a_row() -> None:
    views = tuple(View(np.rot90(PHOTO[:, :180], k).copy(), name=f"{90 * k}°") for k in range(4))
    drawn = sample_picture(Sample("a/1", views))
    places = [find(drawn, one.picture)[0] for one in views]
    assert len({y for y, _ in places}) == 1
    assert [x for _, x in places] == sorted(x for _, x in places)


@pytest.mark.parametrize("side", [1, 16, 28, 64, 224, pytest.param(1024, marks=pytest.mark.slow)])
def test_views_of_any_size(side: int) -> None:
    drawn = sample_picture(Sample("a/1", (view(side),), mask=MASK))
    factor = max(1, round(160 / side))
    assert find(drawn, view(side).picture.repeat(factor, axis=0).repeat(factor, axis=1))
    assert drawn.shape[0] >= 160


@pytest.mark.parametrize("shape", [(30, 400), (400, 30), (7, 13)])
def test_views_of_any_proportion(shape: tuple[int, int]) -> None:
    one = View(sample_photo(*shape))
    drawn = sample_picture(Sample("a name with spaces/ünï", (one, one), label_name="a class"))
    assert drawn.shape[0] < 1000


def test_without_a_title_only_the_panels_are_left() -> None:
    sample = Sample("a/1", (view(192),), mask=MASK, label_name="hills", settings={"seed": 0})
    body, whole = sample_picture(sample, title=False), sample_picture(sample)
    assert len(find(whole, body)) == 1
    assert (body[:, 0] != 255).any()


@pytest.mark.parametrize("mode", ["original", "concat"])
def test_an_original_that_was_not_kept_is_asked_for(mode: str) -> None:
    with pytest.raises(RecordError, match="a/1: the sample holds no original"):
        sample_picture(Sample("a/1", (view(32),)), mode=mode)


def test_a_sample_shows_itself_in_the_mode_it_was_browsed_in() -> None:
    plain = Sample("a/1", (view(180),), original=PHOTO)
    browsed = replace(plain, settings={"mode": "original"})
    np.testing.assert_array_equal(browsed.plot(title=False), plain.plot(mode="original", title=False))
    np.testing.assert_array_equal(browsed.plot(mode="transformed", title=False), plain.plot(title=False))
    assert len(find(plain.plot(mode="original"), PHOTO)) == 1


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UsageError, match=r"mode 'pipline': expected transformed, .* Did you mean 'pipeline'"):
        sample_picture(Sample("a/1", (view(32),)), mode="pipline")


def reconstruction(side: int = 64, **fields: object) -> Reconstruction:
    names = ("original", "masked", "reconstruction", "pasted")
    pictures = {name: sample_photo(side, side, seed) for seed, name in enumerate(names)}
    return Reconstruction("photo", pictures, "MAE", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [8, 32, 192, 224])
def test_four_panels_in_order(side: int) -> None:
    rec = reconstruction(side)
    drawn, factor = reconstruction_picture(rec), max(1, round(160 / side))
    places = [find(drawn, p.repeat(factor, axis=0).repeat(factor, axis=1))[0] for p in rec.pictures.values()]
    assert len({y for y, _ in places}) == 1
    assert [x for _, x in places] == sorted(x for _, x in places)


def test_notes_and_untrained_weights_stand_on_the_picture() -> None:
    def amber(rec: Reconstruction) -> int:
        return int((reconstruction_picture(rec) == AMBER).all(axis=2).any(axis=1).sum())

    plain, untrained = reconstruction(), reconstruction(settings={"trained": False})
    told = reconstruction(settings={"trained": False}, notes=("untrained",))
    both = reconstruction(settings={"trained": False}, notes=("uses the original's patch statistics",))
    assert amber(plain) == 0
    assert 0 < amber(untrained) == amber(told) < amber(both)


def test_numbers_are_written_with_their_units() -> None:
    metrics = {"psnr": 21.34, "l1": 0.04321, "skill": 0.41, "psnr_patch_mean": 17.12, "odd": 3.0, "ssim": float("nan")}
    assert metrics_line(metrics) == (
        "masked-patch skill 0.410 · PSNR 21.3 dB · L1 0.0432 · odd 3 · baselines: patch mean (leaks) 17.1 dB"
    )
    both = {"psnr_visible_fill": 16.2, "psnr_patch_mean": 17.1, "psnr": float("inf")}
    assert metrics_line(both) == "baselines: patch mean (leaks) 17.1 dB · interpolated 16.2 dB"
    assert metrics_line({}) == ""


def test_a_mask_that_the_model_draws_is_said_in_the_footer(monkeypatch: pytest.MonkeyPatch) -> None:
    footers: list[list[str]] = []

    def page(body: np.ndarray, *, footer: list[str], **more: object) -> np.ndarray:
        footers.append(footer)
        return body

    monkeypatch.setattr(sample_module, "page", page)
    for mask in (None, "drawn as the model does, ratio 0.75"):
        settings = {"seed": 0, "mask": mask}
        sample_picture(Sample("photo", (view(112),), mask=MASK, settings=settings))
    assert footers == [["seed 0"], ["seed 0 · mask drawn as the model does, ratio 0.75"]]


def test_a_reconstruction_without_pictures_is_refused() -> None:
    with pytest.raises(RecordError, match="no pictures"):
        reconstruction_picture(Reconstruction("photo", {}, "MAE"))


def test_golden_of_a_sample() -> None:
    crops = ((4.0, 2.0, 22.0, 22.0), (20.0, 8.0, 18.0, 18.0), (1.0, 1.0, 8.0, 8.0))
    sides = (24, 24, 10)
    views = tuple(view(side, 3, crop=crop, flip="horizontal") for side, crop in zip(sides, crops, strict=True))
    sample = Sample(
        "train/hills/3", views, original=sample_photo(36, 48), label_name="hills", settings={"seed": 0, "epoch": 2}
    )
    check_golden(sample_picture(sample, mode="concat"), "sample")


def test_golden_of_a_reconstruction() -> None:
    rec = reconstruction(
        20,
        notes=("uses the original's patch statistics: brightness and contrast of every patch are given",),
        metrics={"skill": 0.012, "psnr": 17.1},
        settings={"trained": False, "mask_ratio": 0.75, "seed": 0, "path": "a/photo.jpg", "pixel_stats": "patch"},
    )
    check_golden(reconstruction_picture(rec), "reconstruction")
