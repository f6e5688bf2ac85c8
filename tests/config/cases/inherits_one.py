_base_ = "./bases/middle.py"

hooks = dict(logger=dict(interval=5), saver=dict(type="SaverHook"))
seed = 3
