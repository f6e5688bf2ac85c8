# What `mmpretrain::_base_/default_runtime.py` (MMPretrain 1.x) holds.
_base_ = "../mmcls/default_runtime.py"

default_scope = "mmpretrain"
visualizer = dict(type="UniversalVisualizer")
