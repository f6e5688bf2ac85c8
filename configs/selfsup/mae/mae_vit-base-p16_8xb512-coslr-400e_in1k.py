_base_ = [
    "../_base_/models/mae_vit-base-p16.py",
    "../_base_/datasets/imagenet_mae.py",
    "../_base_/schedules/adamw_coslr-200e_in1k.py",
    "../_base_/default_runtime.py",
]

# 8 devices of 512 images: the learning rate is scaled to 4096 images from a base of 256.
train_dataloader = dict(batch_size=512, num_workers=8)
optimizer = dict(type="AdamW", lr=1.5e-4 * 4096 / 256, betas=(0.9, 0.95), weight_decay=0.05)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=optimizer,
    paramwise_cfg=dict(
        custom_keys={
            "ln": dict(decay_mult=0.0),
            "bias": dict(decay_mult=0.0),
            "pos_embed": dict(decay_mult=0.0),
            "mask_token": dict(decay_mult=0.0),
            "cls_token": dict(decay_mult=0.0),
        }
    ),
)

train_cfg = dict(max_epochs=400)
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-4, by_epoch=True, begin=0, end=40, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=360, by_epoch=True, begin=40, end=400, convert_to_iter_based=True),
]

default_hooks = dict(
    logger=dict(type="LoggerHook", interval=100),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=3),
)

randomness = dict(seed=0, diff_rank_seed=True)
resume = True
