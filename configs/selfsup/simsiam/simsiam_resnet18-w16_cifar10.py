# SimSiam with a narrow ResNet-18 of CIFAR's kind (no early pooling), for two cores.
_base_ = [
    "../_base_/models/simsiam_resnet18-w16.py",
    "../_base_/datasets/cifar10.py",
    "../_base_/default_runtime.py",
]

# no blur at this size, as in the paper's own CIFAR experiments
view_pipeline = [
    dict(type="RandomResizedCrop", size=32, scale=(0.2, 1.0), interpolation="bicubic"),
    dict(type="RandomFlip", prob=0.5),
    dict(
        type="RandomApply",
        transforms=[dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)],
        prob=0.8,
    ),
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)),
]
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="MultiView", num_views=2, transforms=[view_pipeline]),
    dict(type="PackSelfSupInputs", meta_keys=["img_path"]),
]
train_dataloader = dict(
    batch_size=256,
    num_workers=1,
    drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type="ImageNet", data_root="data/cifar10/", ann_file="", data_prefix="train", pipeline=train_pipeline),
)

# 0.03 for 256 images; the predictor keeps it while the rest follows the cosine
lr = 0.03
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=lr, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={"predictor": dict(fix_lr=True)}),
)
custom_hooks = [
    dict(type="SimSiamHook", priority="HIGH", fix_pred_lr=True, lr=lr),
    dict(type="SelfSupVisualizationHook", interval=1),  # views, and a map with its trust
]
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=3)
param_scheduler = [dict(type="CosineAnnealingLR", by_epoch=True, begin=0, convert_to_iter_based=True)]

default_hooks = dict(
    logger=dict(type="LoggerHook", interval=20),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=3),
)
randomness = dict(seed=0)
