_base_ = "mmcls::_base_/default_runtime.py"

visualizer = dict(type="SelfSupVisualizer")
default_hooks = dict(logger=dict(interval=1))
