_base_ = ["bases/middle.py", "bases/model.py"]

model = dict(
    backbone=dict(depth=101, norm=dict(_delete_=True, type="GN", groups=32)),
    head=dict(_delete_=True, type="Other", inner=dict(_delete_=True, left="alone")),
    neck=dict(_delete_=True, type="NotInTheBase"),
)
stages = [dict(depth=9)]
hooks = dict(timer=dict(_delete_=False, every=2))
norm = "replaced"
