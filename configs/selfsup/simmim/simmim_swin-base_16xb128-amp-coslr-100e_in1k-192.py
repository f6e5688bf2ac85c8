_base_ = [
    "../_base_/models/simmim_swin-base.py",
    "../_base_/datasets/imagenet_simmim.py",
    "../_base_/schedules/adamw_coslr-200e_in1k.py",
    "../_base_/default_runtime.py",
]

# 16 devices of 128 images: learning rates are scaled to 2048 images from a base of 512.
train_dataloader = dict(batch_size=128, num_workers=16)
optimizer = dict(type="AdamW", lr=2e-4 * 2048 / 512, betas=(0.9, 0.999), eps=1e-8)
optim_wrapper = dict(
    type="AmpOptimWrapper",
    optimizer=optimizer,
    clip_grad=dict(max_norm=5.0),
    paramwise_cfg=dict(
        custom_keys={
            "norm": dict(decay_mult=0.0),
            "bias": dict(decay_mult=0.0),
            "absolute_pos_embed": dict(decay_mult=0.0),
            "relative_position_bias_table": dict(decay_mult=0.0),
        }
    ),
)

train_cfg = dict(max_epochs=100)
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-6 / 2e-4, by_epoch=True, begin=0, end=10, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        T_max=90,
        eta_min=1e-5 * 2048 / 512,
        by_epoch=True,
        begin=10,
        end=100,
        convert_to_iter_based=True,
    ),
]

default_hooks = dict(logger=dict(type="LoggerHook", interval=100))
