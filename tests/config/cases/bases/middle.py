_base_ = "runtime.py"

hooks = dict(logger=dict(interval=10))
middle = True
