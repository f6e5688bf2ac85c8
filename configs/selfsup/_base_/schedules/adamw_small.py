# AdamW with a warm-up, then a cosine to the last epoch, whichever that is; norms and biases do not decay.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1.5e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={"pos_embed": dict(decay_mult=0.0), "token": dict(decay_mult=0.0)},
    ),
    clip_grad=dict(max_norm=1.0),
)
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=3)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=1, convert_to_iter_based=True),
]
randomness = dict(seed=0)
