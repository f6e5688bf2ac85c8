"""The whole `reconstruct` command with base-size models, beside MMSelfSup's own tool, alternately.

    python benchmarks/reconstruct_command.py --photo P.jpg --peer-python OTHER_ENVIRONMENT/bin/python

The other environment needs mmselfsup 1.0.0, mmengine 0.10.7, mmcv-lite 2.0.1, mmcls 1.0.0rc6, setuptools < 81. It also
makes the weights, randomly, so that both sides load the same file; without it selfscope runs untrained.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from side_by_side import compare

JOBS = {
    "MAE ViT-B": ("mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py", ["--norm-pix"]),
    "SimMIM Swin-B 192": ("simmim/simmim_swin-base_16xb128-amp-coslr-100e_in1k-192.py", ["--use-vis-pipeline"]),
    "MaskFeat ViT-B": (
        "maskfeat/maskfeat_vit-base-p16_8xb256-amp-coslr-300e_in1k.py",
        ["--use-vis-pipeline", "--target-generator"],
    ),
}
MAKE_WEIGHTS = """
import sys, torch
from mmengine import Config
from mmselfsup.utils import register_all_modules
from mmselfsup.registry import MODELS
register_all_modules()
torch.manual_seed(0)
config = Config.fromfile(sys.argv[1])
model = MODELS.build(config.model)
model.init_weights()
torch.save({"state_dict": model.state_dict(), "meta": {}}, sys.argv[2])
"""
FIND_PEER = "import mmselfsup, pathlib; print(pathlib.Path(mmselfsup.__file__).parent / '.mim')"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", required=True)
    parser.add_argument("--peer-python")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    photo = str(Path(options.photo).resolve())
    ours = str(Path(sys.executable).with_name("selfscope"))
    configs = Path(__file__).parents[1] / "configs" / "selfsup"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, (config, flags) in JOBS.items():
            tail = ["--img-path", photo, "--device", "cpu", *flags]
            own = [ours, "reconstruct", str(configs / config), *tail, "--out-file", str(folder / "ours.jpg")]
            peer = None
            if options.peer_python:
                mim = Path(subprocess.check_output([options.peer_python, "-c", FIND_PEER], text=True).split()[-1])
                weights = folder / f"{Path(config).stem}.pth"
                peer_config = str(mim / "configs" / "selfsup" / config)
                subprocess.run([options.peer_python, "-c", MAKE_WEIGHTS, peer_config, weights], check=True)
                tool = str(mim / "tools" / "analysis_tools" / "visualize_reconstruction.py")
                own += ["--checkpoint", str(weights)]
                peer = [options.peer_python, tool, peer_config, "--checkpoint", str(weights), *tail]
                peer += ["--out-file", str(folder / "theirs.jpg")]
            compare(title, own, peer, options.rounds)


if __name__ == "__main__":
    main()
