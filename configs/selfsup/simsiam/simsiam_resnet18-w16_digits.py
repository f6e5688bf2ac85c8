# SimSiam with a narrow ResNet-18 of CIFAR's kind (no early pooling), for two cores.
_base_ = [
    "../_base_/datasets/digits.py",
    "../_base_/default_runtime.py",
]

model = dict(
    type="SimSiam",
    backbone=dict(type="ResNet_CIFAR", depth=18, base_channels=16, out_indices=[4], norm_cfg=dict(type="BN")),
    neck=dict(
        type="NonLinearNeck",
        in_channels=128,
        hid_channels=512,
        out_channels=512,
        num_layers=3,
        with_last_bn_affine=False,
        with_avg_pool=True,
    ),
    head=dict(
        type="LatentPredictHead",
        loss=dict(type="CosineSimilarityLoss"),
        predictor=dict(
            type="NonLinearNeck",
            in_channels=512,
            hid_channels=128,
            out_channels=512,
            with_avg_pool=False,
            with_last_bn=False,
            with_last_bias=True,
        ),
    ),
)

view_pipeline = [
    dict(type="RandomResizedCrop", size=32, scale=(0.2, 1.0)),
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
    batch_size=128,
    num_workers=0,
    drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type="ImageNet", data_root="data/digits/", ann_file="", data_prefix="train", pipeline=train_pipeline),
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
    dict(type="SelfSupVisualizationHook", interval=10),  # views, and a map with its trust
]
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=30)
param_scheduler = [dict(type="CosineAnnealingLR", by_epoch=True, begin=0, convert_to_iter_based=True)]

default_hooks = dict(
    logger=dict(type="LoggerHook", interval=20),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=3),
)
randomness = dict(seed=0)
