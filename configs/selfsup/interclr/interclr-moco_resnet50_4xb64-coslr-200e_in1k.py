_base_ = [
    "../_base_/models/interclr-moco.py",
    "../_base_/datasets/imagenet_interclr.py",
    "../_base_/schedules/sgd_coslr-200e_in1k.py",
    "../_base_/default_runtime.py",
]

optimizer = dict(type="SGD", lr=0.03, weight_decay=1e-4, momentum=0.9)
optim_wrapper = dict(type="OptimWrapper", optimizer=optimizer)

default_hooks = dict(
    logger=dict(type="LoggerHook", interval=50),
    checkpoint=dict(type="CheckpointHook", interval=10, max_keep_ckpts=3),
)
