# A masked autoencoder small enough to train on scikit-learn's digits in a minute on two cores (`selfscope demo`).
_base_ = "../_base_/default_runtime.py"

data_root = "data/digits/"
eval_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(32, 32), backend="pillow", interpolation="bicubic"),
    dict(type="PackSelfSupInputs", meta_keys=["img_path"]),
]

model = dict(
    type="MAE",
    # the mean and the deviation of the training digits, the same in every channel
    data_preprocessor=dict(mean=[78.0, 78.0, 78.0], std=[88.0, 88.0, 88.0], bgr_to_rgb=True),
    backbone=dict(
        type="MAEViT",
        arch=dict(embed_dims=96, num_layers=4, num_heads=4, feedforward_channels=384),
        img_size=32,
        patch_size=8,
        mask_ratio=0.6,
    ),
    neck=dict(
        type="MAEPretrainDecoder",
        num_patches=16,
        patch_size=8,
        in_chans=3,
        embed_dim=96,
        decoder_embed_dim=64,
        decoder_depth=2,
        decoder_num_heads=4,
        mlp_ratio=2.0,
    ),
    # digits have flat patches: pixels are predicted as they are
    head=dict(type="MAEPretrainHead", norm_pix=False, patch_size=8, loss=dict(type="MAEReconstructionLoss")),
)

train_dataloader = dict(
    batch_size=128,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type="ImageNet", data_root=data_root, ann_file="", data_prefix="train", pipeline=eval_pipeline),
)

optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=2e-3, betas=(0.9, 0.95), weight_decay=0.05),
)
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=120)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.02, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=5, convert_to_iter_based=True),
]
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=10),
    checkpoint=dict(type="CheckpointHook", interval=40, max_keep_ckpts=1),
)
randomness = dict(seed=0)

vis_pipeline = eval_pipeline

extract_dataloader = dict(
    batch_size=128,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="ImageNet", data_root=data_root, ann_file="", data_prefix="val", pipeline=eval_pipeline),
)
