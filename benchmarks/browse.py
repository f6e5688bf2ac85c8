"""CPU milliseconds an image that browsing costs, beside MMSelfSup's tool: pipeline, drawing and writing in one process.

    python benchmarks/browse.py --photos FOLDER --peer-python OTHER_ENVIRONMENT/bin/python
    python benchmarks/browse.py --photos FOLDER --profile swav
    python benchmarks/browse.py --photos FOLDER --memory 10000
    python benchmarks/browse.py --photos FOLDER --scaling 2000 --only simsiam

Photos are first brought to 500 x 375 pixels, JPEG. Each number is the lowest of all rounds. Neither side's start
counts; --scaling measures whole commands. The other environment needs mmselfsup 1.0.0, mmengine 0.10.7, mmcv-lite
2.0.1, mmcls 1.0.0rc6, setuptools < 81; each side runs its own config. Under NumPy 2 the peer fails where hue is turned
backwards, so here it turns forwards only, at the same cost.
"""

from __future__ import annotations

import argparse
import cProfile
import functools
import json
import pstats
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from side_by_side import seconds

CONFIGS = {
    "simsiam": "simsiam/simsiam_resnet50_8xb32-coslr-100e_in1k.py",
    "byol": "byol/byol_resnet50_16xb256-coslr-200e_in1k.py",
    "swav": "swav/swav_resnet50_8xb32-mcrop-2-6-coslr-200e_in1k-224-96.py",
    "mae": "mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py",
    "simmim": "simmim/simmim_swin-base_16xb128-amp-coslr-100e_in1k-192.py",
    "maskfeat": "maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k.py",
    "beit": "beit/beit_vit-base-p16_8xb256-amp-coslr-300e_in1k.py",
    "cae": "cae/cae_vit-base-p16_8xb256-amp-coslr-300e_in1k.py",
    "relative_loc": "relative_loc/relative-loc_resnet50_8xb64-steplr-70e_in1k.py",
    "rotation_pred": "rotation_pred/rotation-pred_resnet50_8xb16-steplr-70e_in1k.py",
}
ROOT = Path(__file__).parents[1]
FIND_PEER = "import mmselfsup, pathlib; print(pathlib.Path(mmselfsup.__file__).parent / '.mim' / 'configs' / 'selfsup')"
PEER = """
import json, os, sys, time
import numpy as np
from mmengine import Config
from mmselfsup.registry import DATASETS, VISUALIZERS
from mmselfsup.utils import register_all_modules
import cv2
from mmselfsup.datasets.transforms import processing
cv2.setNumThreads(1)
turn = processing.adjust_hue
processing.adjust_hue = lambda image, share, **more: turn(image, abs(share), **more)
register_all_modules()
config = Config.fromfile(sys.argv[1])
settings = config.train_dataloader.dataset
settings.update(data_root=sys.argv[2], ann_file="list.txt", data_prefix="")
dataset = DATASETS.build(settings)
visualizer = VISUALIZERS.build(dict(config.visualizer, vis_backends=None, save_dir=sys.argv[3]))
visualizer.dataset_meta = dataset.metainfo
spent, made = 0.0, 0
for index in [0, 1, 2] + list(range(int(sys.argv[4]))):
    start = time.process_time()
    item = dataset[index % len(dataset)]
    inputs, sample = item["inputs"], item["data_samples"]
    several = "pseudo_label" in sample and "rot_label" in sample.pseudo_label
    if several or (len(inputs) == 2 and "mask" not in sample):
        image = np.concatenate(inputs, axis=-1).transpose(1, 2, 0)
    else:
        image = inputs[0].permute(1, 2, 0).numpy()
    path = os.path.join(sys.argv[3], f"{index}.jpg")
    visualizer.add_datasample(name=path, image=image[..., [2, 1, 0]], gt_sample=sample, show=False, out_file=path)
    if made >= 3:
        spent += time.process_time() - start
    made += 1
print(json.dumps({"ms": 1000 * spent / max(1, made - 3)}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--peer-python")
    parser.add_argument("--only", nargs="*", choices=list(CONFIGS), default=list(CONFIGS))
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", choices=list(CONFIGS))
    parser.add_argument("--memory", type=int)
    parser.add_argument("--scaling", type=int, metavar="IMAGES")
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        print(
            json.dumps({"ms": ours(CONFIGS[options.child[0]], options.photos, Path(options.child[1]), options.images)})
        )
        return
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "photos", Path(name) / "out"
        prepare(options.photos, folder)
        if options.profile:
            profile(CONFIGS[options.profile], folder, out, options.images)
        elif options.memory:
            memory(folder, out, options.memory)
        elif options.scaling:
            for algorithm in options.only:
                scaling(algorithm, folder, out, options)
        else:
            for algorithm in options.only:
                compare(algorithm, folder, out, options)


def compare(algorithm: str, folder: Path, out: Path, options: argparse.Namespace) -> None:
    """Both sides in turn, each in a process of its own; prints the lowest of each and their ratio."""
    own: list[float] = []
    peer: list[float] = []
    for number in range(options.rounds):
        target = out / f"{algorithm}-{number}"
        command = [sys.executable, __file__, "--photos", str(folder), "--images", str(options.images)]
        own.append(measured([*command, "--child", algorithm, str(target / "ours")])["ms"])
        if options.peer_python:
            configs = Path(measured_text([options.peer_python, "-c", FIND_PEER]))
            (target / "theirs").mkdir(parents=True)
            arguments = [str(configs / CONFIGS[algorithm]), str(folder), str(target / "theirs"), str(options.images)]
            peer.append(measured([options.peer_python, "-c", PEER, *arguments])["ms"])
    line = f"{algorithm:14s} selfscope {min(own):6.1f} ms"
    if peer:
        line += f"   MMSelfSup {min(peer):6.1f} ms   {min(peer) / min(own):4.1f} times"
    print(line, flush=True)


def measured(command: list[str]) -> dict[str, float]:
    return dict(json.loads(measured_text(command)))


def measured_text(command: list[str]) -> str:
    """The last line that a command prints; one that fails is shown and ends the benchmark."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**_environment(), **one_thread})
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout.strip().splitlines()[-1]


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


def ours(config: str, folder: Path, out: Path, images: int) -> float:
    """CPU milliseconds an image of what `selfscope browse --output-dir` does, after three to warm up."""
    samples, start = drawn(config, folder, out, images + 3), 0.0
    for number, _ in enumerate(samples):
        start = time.process_time() if number == 2 else start
    return 1000 * (time.process_time() - start) / images


def drawn(config: str, folder: Path, out: Path, images: int) -> Iterator[None]:
    """Every step of the command for `images` samples; where there are fewer photos they come again in new epochs."""
    from selfscope.cli import browse_output, files
    from selfscope.views.opening import opened

    options = [
        f"train_dataloader.dataset.{entry}" for entry in (f"data_root={folder}", "ann_file=list.txt", 'data_prefix=""')
    ]
    given, draw = opened(str(ROOT / "configs" / "selfsup" / config), options=options), browse_output.Draw(files=True)
    for number in range(images):
        epoch, index = divmod(number, len(given.dataset))
        made = draw(given.sample(index, epoch))
        assert made.file is not None
        files.write_file(out / f"{made.key}_{epoch}{made.suffix}", made.file)
        yield


def profile(config: str, folder: Path, out: Path, images: int) -> None:
    """Where the time goes: by stage, each measured by a timer around it alone; then by function, by cProfile."""
    for _ in drawn(config, folder, out, 3):
        pass
    rounds = []
    for _ in range(3):
        spent: Counter[str] = Counter()
        with timed(spent):
            samples, start = drawn(config, folder, out, images + 3), 0.0
            for number, _ in enumerate(samples):
                if number == 2:
                    spent.clear()
                    start = time.process_time()
            spent["everything else"] = time.process_time() - start - sum(spent.values())  # type: ignore[assignment]
        rounds.append({stage: 1000 * value / images for stage, value in spent.items()})
    stages = {stage: min(found.get(stage, 0.0) for found in rounds) for stage in rounds[0]}
    for stage, milliseconds in sorted(stages.items(), key=lambda pair: -pair[1]):
        print(f"{stage:16s} {milliseconds:6.2f} ms   {100 * milliseconds / sum(stages.values()):4.0f} %")
    print(f"{'together':16s} {sum(stages.values()):6.2f} ms")
    profiler = cProfile.Profile(time.process_time)
    profiler.enable()
    for _ in drawn(config, folder, out, images):
        pass
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(14)


@contextmanager
def timed(spent: Counter[str]) -> Iterator[None]:
    """Adds the CPU seconds that each stage takes without those inside it."""
    from selfscope.cli import browse_output, files
    from selfscope.data import colour, crops, dataset, ends, spatial

    stages: list[tuple[Any, str, str]] = [
        (ends, "read_picture", "decode"),
        (crops, "resize", "resize"),
        (spatial, "resize", "resize"),
        (colour.ColorJitter, "__call__", "colour jitter"),
        (colour.RandomGaussianBlur, "__call__", "blur"),
        (dataset.Dataset, "sample", "other transforms"),
        (browse_output.Draw, "__call__", "draw"),
        (browse_output, "encode_picture", "encode"),
        (files, "write_file", "write"),
    ]
    inside = [0.0]  # what the stages below took, for each stage that is open

    def around(call: Any, stage: str) -> Any:
        @functools.wraps(call)  # a pipeline asks for the signature
        def timed_call(*arguments: Any, **named: Any) -> Any:
            inside.append(0.0)
            start = time.process_time()
            try:
                return call(*arguments, **named)
            finally:
                whole = time.process_time() - start
                spent[stage] += whole - inside.pop()  # type: ignore[assignment]
                inside[-1] += whole

        return timed_call

    before = [(owner, name, getattr(owner, name)) for owner, name, _ in stages]
    for owner, name, stage in stages:
        setattr(owner, name, around(getattr(owner, name), stage))
    try:
        yield
    finally:
        for owner, name, call in before:
            setattr(owner, name, call)


def scaling(algorithm: str, folder: Path, out: Path, options: argparse.Namespace) -> None:
    """Wall seconds of the whole command with 0, 1 and 2 worker processes, the lowest of all rounds."""
    lines = (folder / "list.txt").read_text(encoding="utf-8").splitlines()
    many = "\n".join(lines[number % len(lines)] for number in range(options.scaling))
    (folder / "many.txt").write_text(many, encoding="utf-8")
    dataset = [
        f"train_dataloader.dataset.{entry}" for entry in (f"data_root={folder}", "ann_file=many.txt", 'data_prefix=""')
    ]
    config = str(ROOT / "configs" / "selfsup" / CONFIGS[algorithm])
    taken: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for number in range(options.rounds):
        for workers, found in taken.items():
            target = str(out / f"{algorithm}-{number}-{workers}")
            command = [sys.executable, "-m", "selfscope", "browse", config, "--not-show", "--output-dir", target]
            found.append(seconds([*command, "--workers", str(workers), "--cfg-options", *dataset]))
    lowest = {workers: min(found) for workers, found in taken.items()}
    told = "   ".join(f"{workers} workers {value:6.1f} s" for workers, value in lowest.items())
    print(f"{algorithm:14s} {options.scaling} images: {told}   2 workers {lowest[0] / lowest[2]:.2f} times", flush=True)


def memory(folder: Path, out: Path, images: int) -> None:
    """Resident memory while SimSiam's pipeline is browsed: it must not grow after the first thousand."""
    kilobytes = []
    for number, _ in enumerate(drawn(CONFIGS["simsiam"], folder, out, images), 1):
        if number % max(1, images // 10) == 0:
            kilobytes.append(_resident())
            print(f"{number:7d} images  {kilobytes[-1] / 1024:8.1f} MB", flush=True)
    print(f"growth from a tenth on: {(kilobytes[-1] - kilobytes[0]) / 1024:.1f} MB")


def _resident() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def prepare(photos: Path, folder: Path) -> None:
    """Copies at 500 x 375 pixels, JPEG, in one class folder."""
    from PIL import Image

    (folder / "photos").mkdir(parents=True)
    found = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))[:200]
    if not found:
        raise SystemExit(f"{photos}: no photos below it")
    for number, path in enumerate(found):
        with Image.open(path) as image:
            small = image.convert("RGB").resize((500, 375), Image.Resampling.BICUBIC)
        small.save(folder / "photos" / f"{number}.jpg", quality=90)
    names = [f"photos/{number}.jpg 0" for number in range(len(found))]
    (folder / "list.txt").write_text("\n".join(names), encoding="utf-8")


if __name__ == "__main__":
    main()
