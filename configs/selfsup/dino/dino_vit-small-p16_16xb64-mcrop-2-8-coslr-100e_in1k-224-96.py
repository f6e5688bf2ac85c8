_base_ = [
    "../_base_/models/dino_vit-small-p16.py",
    "../_base_/datasets/imagenet_dino_mcrop-2-8.py",
    "../_base_/schedules/adamw_coslr-200e_in1k.py",
    "../_base_/default_runtime.py",
]

# 1,024 images: a base rate of 5e-4 for 256. The weight decay stays at 0.04; the paper raises it to 0.4 along a cosine.
optimizer = dict(type="AdamW", lr=5e-4 * 1024 / 256, betas=(0.9, 0.999), weight_decay=0.04)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=optimizer,
    clip_grad=dict(max_norm=3.0),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)

param_scheduler = [
    dict(type="LinearLR", start_factor=1e-3, by_epoch=True, begin=0, end=10, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR", T_max=90, eta_min=1e-6, by_epoch=True, begin=10, end=100, convert_to_iter_based=True
    ),
]
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=100)
default_hooks = dict(checkpoint=dict(type="CheckpointHook", interval=10, max_keep_ckpts=3))
