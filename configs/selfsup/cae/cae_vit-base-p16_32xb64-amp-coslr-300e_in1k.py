_base_ = [
    "../_base_/models/cae.py",
    "../_base_/datasets/imagenet_cae.py",
    "../_base_/schedules/adamw_coslr-200e_in1k.py",
    "../_base_/default_runtime.py",
]

train_dataloader = dict(batch_size=64, num_workers=8)
optimizer = dict(type="AdamW", lr=1.5e-3, betas=(0.9, 0.999))
optim_wrapper = dict(
    type="AmpOptimWrapper",
    loss_scale="dynamic",
    optimizer=optimizer,
    clip_grad=dict(max_norm=3.0),
    paramwise_cfg=dict(
        custom_keys={
            "norm": dict(decay_mult=0.0),
            "bias": dict(decay_mult=0.0),
            "gamma": dict(decay_mult=0.0),
        }
    ),
)

param_scheduler = [
    dict(type="LinearLR", start_factor=1e-4, by_epoch=True, begin=0, end=10, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR", T_max=290, eta_min=1e-5, by_epoch=True, begin=10, end=300, convert_to_iter_based=True
    ),
]
train_cfg = dict(max_epochs=300)
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=100),
    checkpoint=dict(type="CheckpointHook", interval=10, max_keep_ckpts=3),
)

randomness = dict(seed=0, diff_rank_seed=True)
find_unused_parameters = True
