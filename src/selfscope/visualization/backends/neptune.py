"""Neptune's place, for configs that still name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from selfscope.errors import UsageError


class NeptuneVisBackend:
    """Refuses to be made: neptune.ai no longer takes runs."""

    def __init__(self, save_dir: str | None = None, init_kwargs: Mapping[str, Any] | None = None) -> NoReturn:
        raise UsageError(
            "NeptuneVisBackend: Neptune's service is gone: take WandbVisBackend, MLflowVisBackend or TrackioVisBackend"
        )
