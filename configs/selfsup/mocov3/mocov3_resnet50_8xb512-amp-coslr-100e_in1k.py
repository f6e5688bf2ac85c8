_base_ = [
    "../_base_/models/mocov3_resnet50.py",
    "../_base_/datasets/imagenet_mocov3.py",
    "../_base_/schedules/lars_coslr-200e_in1k.py",
    "../_base_/default_runtime.py",
]

train_dataloader = dict(batch_size=512, num_workers=8)
optimizer = dict(type="LARS", lr=9.6, momentum=0.9, weight_decay=1e-6)
optim_wrapper = dict(
    type="AmpOptimWrapper",
    optimizer=optimizer,
    loss_scale="dynamic",
    paramwise_cfg=dict(
        custom_keys={
            "bn": dict(decay_mult=0, lars_exclude=True),
            "bias": dict(decay_mult=0, lars_exclude=True),
            "downsample.1": dict(decay_mult=0, lars_exclude=True),  # the norm of a shortcut
        }
    ),
)

param_scheduler = [
    dict(type="LinearLR", start_factor=1e-4, by_epoch=True, begin=0, end=10, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=90, by_epoch=True, begin=10, end=100, convert_to_iter_based=True),
]
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=100)
default_hooks = dict(checkpoint=dict(type="CheckpointHook", interval=10, max_keep_ckpts=3))
