hooks = dict(logger=dict(type="LoggerHook", interval=50), timer=dict(type="TimerHook"))
seed = 0
_internal = "kept"
__private = "dropped"
