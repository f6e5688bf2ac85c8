_base_ = ["bases/model.py", "bases/runtime.py"]

depth = _base_.model.backbone.depth * 2
quoted = {{_base_.model.backbone.norm}}
listed = [{{_base_.seed}}, ({{_base_.hooks.logger.type}},), dict(x={{_base_.model.head}})]
first = _base_.stages[0]
copied = [*_base_.stages[:-1], dict(depth=7)]
sentence = f"depth {_base_['model']['backbone']['depth']}"
_base_.model.backbone.depth = 18
_base_.hooks.logger.update(dict(interval=1))
changed = _base_.model.backbone.depth
mine = [dict(depth=3)]
_base_.stages = mine
mine[0]["depth"] = 4
del _base_.norm
