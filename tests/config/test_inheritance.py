"""Bases: what is merged, what is refused, and which file and line a value remembers."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from selfscope.config.reader import Config, load_config
from selfscope.errors import ConfigError


def write(folder: Path, **sources: str) -> Path:
    """Writes `<name>.py` for every source; the path of the last one."""
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return folder / f"{list(sources)[-1]}.py"


def load(folder: Path, **sources: str) -> Config:
    return load_config(write(folder, **sources))


def refused(folder: Path, **sources: str) -> str:
    path = write(folder, **sources)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    return str(error.value).replace(f"{folder}{os.sep}", "")


def test_neither_base_nor_child_is_shared(tmp_path: Path) -> None:
    config = load(
        tmp_path, base="p = [dict(t='A')]\nd = dict(p=p)", child="_base_ = 'base.py'\nq = _base_.p\nr = [q, q]"
    )
    config.p[0].t = "changed"
    config.r[0][0].t = "also"
    assert config.d.p == config.q == config.r[1] == [{"t": "A"}]


def test_origins_survive_merging(tmp_path: Path) -> None:
    base = "model = dict(\n    type='A',\n    size=1,\n    norm=dict(type='BN'))\n"
    config = load(tmp_path, base=base, child="_base_ = 'base.py'\nmodel = dict(\n    size=2)\nlr = 1\n")
    files = {
        key: (Path(str(file)).name, line)
        for key in ("type", "size", "norm")
        for file, line in [config.model.origin_of(key)]
    }
    assert files == {"type": ("base.py", 2), "size": ("child.py", 3), "norm": ("base.py", 4)}
    assert (Path(str(config.model.origin[0])).name, config.model.origin[1]) == ("base.py", 1)
    assert config.model.norm.origin[1] == 4
    assert config.origin_of("lr")[1] == 4
    assert Path(str(config.file)).name == "child.py"


def test_a_dict_over_a_number_is_refused_at_its_line(tmp_path: Path) -> None:
    message = refused(
        tmp_path, base="model = dict(depth=50)", child="_base_ = 'base.py'\nmodel = dict(\n    depth=dict(a=1))"
    )
    assert message.startswith("child.py:3: 'depth' is a dict here, but in the base an int: write `_delete_=True`")


def test_a_name_in_two_bases_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, one="a = 1\nb = 2", two="b = 3\na = 4", child="\n_base_ = ['one.py', 'two.py']")
    assert message == "child.py:2: several bases give a, b: each name may come from one base"


@pytest.mark.parametrize(
    "source", ["_base_ = 'child.py'", "_base_ = './../{folder}/child.py'", "_base_ = ['other.py']"]
)
def test_cycles(tmp_path: Path, source: str) -> None:
    source = source.format(folder=tmp_path.name)
    assert "this config is a base of itself" in refused(tmp_path, other="_base_ = 'child.py'", child=source)


def test_many_bases_are_refused_before_they_are_read(tmp_path: Path) -> None:
    levels = {f"level{i:02}": f"_base_ = ['level{i - 1:02}.py'] * 4" for i in range(1, 20)}
    assert "at most 256 bases" in refused(tmp_path, level00="", **levels)
    chain = {f"chain{i:02}": f"_base_ = 'chain{i - 1:02}.py'" for i in range(1, 40)}
    assert "too many bases of bases" in refused(tmp_path, chain00="", **chain)


@pytest.mark.parametrize(
    ("base", "sentence"),
    [
        ("'/etc/passwd'", "a base is the path of a .py file"),
        ("'../../../../../../../../etc/passwd'", "a base is the path of a .py file"),
        ("'secret.json'", "a base is a Python config, not .json"),
        ("'secret.yml'", "a base is a Python config, not .yml"),
        ("'nowhere.py'", "the base 'nowhere.py' does not exist"),
        ("'folder.py'", "the base 'folder.py' does not exist"),
        ("'pipe.py'", "the base 'pipe.py' does not exist"),
        ("'device.py'", "the base 'device.py' does not exist"),
        ("'a\\0.py'", "does not exist"),
        ("5", "`_base_` takes paths of configs, not an int"),
        ("[['x.py']]", "`_base_` takes paths of configs, not a list"),
        ("name", "'name' is not defined"),
        (
            "'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'",
            "the base 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py' is another",
        ),
        ("'mmseg::fcn/x.py'", "is another package's: only mmcls::, mmpretrain::, mmselfsup:: are answered here"),
        ("'mmengine::x.py'", "is another package's"),
        ("'mmcls::_base_/default_runtim.py'", "Did you mean 'mmcls::_base_/default_runtime.py'?"),
        ("'mmcls::../mmpretrain/default_runtime.py'", "selfscope does not ship the base"),
        ("'mmselfsup::../../../../etc/x.py'", "selfscope does not ship the base"),
        ("'mmcls::/etc/passwd.py'", "selfscope does not ship the base"),
    ],
)
def test_bases_that_are_refused(tmp_path: Path, base: str, sentence: str) -> None:
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "device.py").symlink_to("/dev/zero")
    for name in ("secret.json", "secret.yml"):
        (tmp_path / name).write_text("password: 1", encoding="utf-8")
    message = refused(tmp_path, name="x = 1", child=f"a = 1\n_base_ = {base}")
    assert message.startswith("child.py:2: ")
    assert sentence in message


def test_a_base_s_contents_never_reach_the_message(tmp_path: Path) -> None:
    for secret in ("password is: hunter2", "hunter2 = (", "'hunter2", "\x00hunter2", "x = 1\n  hunter2"):
        message = refused(tmp_path, secret=secret, child="_base_ = 'secret.py'")
        assert "hunter2" not in message
        assert message.startswith("secret.py")


def test_two_lists_of_bases_are_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, one="a = 1", two="b = 1", child="_base_ = 'one.py'\n_base_ = 'two.py'")
    assert message == "child.py:2: `_base_` is given twice: name all bases in one list"


def test_a_name_of_a_base_needs_its_prefix(tmp_path: Path) -> None:
    message = refused(tmp_path, base="size = 1", child="_base_ = 'base.py'\nx = size * 2")
    assert message == "child.py:2: 'size' stands in a base: write `_base_.size`"


def test_new_style_configs_get_one_sentence(tmp_path: Path) -> None:
    new = "from mmengine.config import read_base\n\nwith read_base():\n    from .base import *\n"
    for source in (new, new.partition("\n")[2], "from .base import *", "x = 1\nfrom ..a import b"):
        message = refused(tmp_path, base="x = 1", child=source)
        assert "this is a new-style config (`with read_base()`)" in message
    assert refused(tmp_path, new=new, child="_base_ = 'new.py'").startswith("new.py:1: this is a new-style config")


def test_deprecated_configs_say_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        config = load(tmp_path, c="_deprecation_ = dict(expected='new.py')\nx = 1")
    assert config == {"x": 1}
    assert "deprecated: use new.py" in caplog.text


def test_custom_imports_need_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "selfscope_test_plugin.py").write_text("import sys\nsys.selfscope_test_ran = True\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delattr("sys.selfscope_test_ran", raising=False)
    path = write(tmp_path, c="custom_imports = dict(imports=['selfscope_test_plugin'], allow_failed_imports=False)")
    import sys

    config = load_config(path)
    assert not hasattr(sys, "selfscope_test_ran")
    assert config.custom_imports.imports == ["selfscope_test_plugin"]
    assert "selfscope_test_plugin not imported: pass --trust-config" in caplog.text
    load_config(path, trust=True)
    assert sys.selfscope_test_ran  # type: ignore[attr-defined]
    missing = write(tmp_path, d="custom_imports = dict(imports='selfscope_test_nowhere')")
    with pytest.raises(ConfigError, match=r"cannot import 'selfscope_test_nowhere' of custom_imports.*PYTHONPATH"):
        load_config(missing, trust=True)
    allowed = write(tmp_path, e="custom_imports = dict(imports='selfscope_test_nowhere', allow_failed_imports=True)")
    assert "custom_imports" in load_config(allowed, trust=True)
    wrong = write(tmp_path, f="custom_imports = dict(imports=[1])")
    with pytest.raises(ConfigError, match="names of modules"):
        load_config(wrong)
