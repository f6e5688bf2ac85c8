"""A Hugging Face Trainer with selfscope beside it: what it logs in a run folder, and a map of features each epoch.

pip install "selfscope[transformers]"
python examples/transformers_trainer.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from transformers import Trainer, TrainingArguments, ViTMAEConfig, ViTMAEForPreTraining

import selfscope as ss
from selfscope.training.integrations.transformers import SelfscopeCallback


def write_digits(folder: Path, count: int = 60) -> Path:
    data = load_digits()
    for index in range(count):
        path = folder / str(data.target[index]) / f"{index:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((data.images[index] * 255 / 16).astype(np.uint8)).resize((32, 32)).save(path)
    return folder


class Digits(torch.utils.data.Dataset):
    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.rglob("*.png"))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        with Image.open(self.paths[index]) as image:
            pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).float()
        return {"pixel_values": (pixels - 127.5) / 127.5}


class Encoder(torch.nn.Module):
    """The part of ViTMAE to look at: all patches in, one vector an image out."""

    def __init__(self, model: ViTMAEForPreTraining) -> None:
        super().__init__()
        self.vit = model.vit

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        order = torch.arange(16, device=pixels.device).expand(len(pixels), -1) / 16
        ratio, self.vit.embeddings.config.mask_ratio = self.vit.embeddings.config.mask_ratio, 0.0
        try:
            return self.vit(pixels, noise=order).last_hidden_state[:, 0]
        finally:
            self.vit.embeddings.config.mask_ratio = ratio


def main(folder: Path) -> None:
    digits = write_digits(folder / "digits")
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    decoder = {f"decoder_{name}": value for name, value in size.items()}
    torch.manual_seed(0)
    model = ViTMAEForPreTraining(ViTMAEConfig(image_size=32, patch_size=8, **size, **decoder))
    look = ss.SelfSupVisualizationHook(data=digits, samples=0, map_items=60, key="digits", image_size=32)
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=2,
        per_device_train_batch_size=10,
        learning_rate=1e-3,
        logging_steps=2,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
        seed=0,
    )
    callback = SelfscopeCallback(folder, hooks=[look], look_at=Encoder)
    trainer = Trainer(model=model, args=arguments, train_dataset=Digits(digits), callbacks=[callback])
    trainer.train()
    callback.close()
    run = ss.open_run(folder)
    loss = run.scalars("loss")
    print(f"{run.status}: {len(loss.step)} losses up to step {loss.step[-1]}, {len(run.embeddings)} maps in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "work_dirs/examples/transformers_trainer"))
