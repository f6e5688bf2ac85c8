"""Sizes of networks by the names that configs give them, and checks shared by the backbones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import nn

from selfscope.errors import ConfigError, nearest

VIT_KEYS = ("embed_dims", "num_layers", "num_heads", "feedforward_channels")
VIT_ARCHS = {
    "s small": (768, 8, 8, 2304),
    "b base deit-b deit-base": (768, 12, 12, 3072),
    "l large": (1024, 24, 16, 4096),
    "h huge": (1280, 32, 16, 5120),
    "deit-t deit-tiny": (192, 12, 3, 768),
    "deit-s deit-small": (384, 12, 6, 1536),
    "mocov3-s mocov3-small": (384, 12, 12, 1536),
}
SWIN_KEYS = ("embed_dims", "depths", "num_heads")
SWIN_ARCHS = {
    "t tiny": (96, (2, 2, 6, 2), (3, 6, 12, 24)),
    "s small": (96, (2, 2, 18, 2), (3, 6, 12, 24)),
    "b base": (128, (2, 2, 18, 2), (4, 8, 16, 32)),
    "l large": (192, (2, 2, 18, 2), (6, 12, 24, 48)),
}


def arch_settings(arch: Any, keys: tuple[str, ...], known: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    """The sizes of a named arch (case does not matter), or of a dict that holds `keys`."""
    if isinstance(arch, Mapping):
        if set(arch) != set(keys):
            raise ConfigError(f"arch: expected the keys {', '.join(keys)}, got {', '.join(map(str, arch))}")
        return dict(arch)
    by_name = {name: sizes for names, sizes in known.items() for name in names.split()}
    if not isinstance(arch, str) or arch.lower() not in by_name:
        hint = nearest(str(arch).lower(), by_name)
        raise ConfigError(f"arch: expected one of {', '.join(by_name)} or a dict, got {arch!r}.{hint}")
    return dict(zip(keys, by_name[arch.lower()], strict=True))


def layer_norm(norm_cfg: Mapping[str, Any] | None, eps: float) -> partial[nn.LayerNorm]:
    """What makes the LayerNorm of a `norm_cfg`; `eps` is OpenMMLab's for the backbone at hand."""
    norm_cfg = norm_cfg or {"type": "LN"}
    if norm_cfg.get("type") not in ("LN", "LayerNorm"):
        raise ConfigError(f"norm_cfg: expected type 'LN' in a transformer, got {norm_cfg.get('type')!r}")
    return partial(nn.LayerNorm, eps=norm_cfg.get("eps", eps))


def image_sides(img_size: Any, patch: int) -> tuple[int, int]:
    """`(H, W)` of an int or a pair, refused unless whole patches fill it."""
    sides = tuple(img_size) if isinstance(img_size, (list, tuple)) else (img_size, img_size)
    if len(sides) != 2 or any(not isinstance(side, int) or side < patch for side in sides):
        raise ConfigError(f"image size: expected a side or (height, width) of {patch} or more, got {img_size!r}")
    if any(side % patch for side in sides):
        raise ConfigError(f"image size {sides[0]}×{sides[1]} is not a whole number of {patch}-pixel patches")
    return sides[0], sides[1]


def patch_side(patch_size: Any) -> int:
    """The side of a square patch, given as an int or a pair of equal ones."""
    side = patch_size[0] if isinstance(patch_size, (list, tuple)) and len(set(patch_size)) == 1 else patch_size
    if isinstance(side, bool) or not isinstance(side, int) or side < 1:
        raise ConfigError(f"patch_size: expected the side of a square patch, got {patch_size!r}")
    return side


def refuse_options(backbone: str, **given: Any) -> None:
    """Refuses options of OpenMMLab that change the network and are not built here, unless they are off."""
    for name, value in given.items():
        if value:
            raise ConfigError(f"{backbone}: {name}={value!r} is not supported here")
