"""What `from selfscope import …` offers is this list, exists, and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import selfscope

PUBLIC = """
    __version__ load browse augmentation_stats extract tsne reconstruct joint_tsne compare probe place
    train TrainOptions open_run
    Hook Watch LoggerHook VisualizationHook SelfSupVisualizationHook
    Visualizer SelfSupVisualizer BaseVisBackend LocalVisBackend TensorboardVisBackend WandbVisBackend
    MLflowVisBackend TrackioVisBackend SwanLabVisBackend AimVisBackend ClearMLVisBackend DVCLiveVisBackend
    force_init_env master_only
    SelfSupDataSample InstanceData Features
    MODELS DATASETS TRANSFORMS HOOKS VISUALIZERS VISBACKENDS
    SelfscopeError ConfigError
""".split()


def test_the_list_is_the_public_interface() -> None:
    assert sorted(selfscope.__all__) == sorted(PUBLIC)
    assert sorted(dir(selfscope)) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_exists_and_says_what_it_is(name: str) -> None:
    value = getattr(selfscope, name)
    assert isinstance(value, str) or value.__doc__


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Visualiser'"):
        selfscope.Visualiser  # noqa: B018


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, selfscope; print([m for m in ('torch', 'numpy', 'PIL', 'rich', 'sklearn') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_the_command_line_starts_without_torch() -> None:
    code = "import sys, selfscope.cli; print([m for m in ('torch', 'numpy', 'sklearn') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
