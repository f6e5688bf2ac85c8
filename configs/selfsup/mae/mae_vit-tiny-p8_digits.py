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

vis_pipeline = eval_pipeline

extract_dataloader = dict(
    batch_size=128,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="ImageNet", data_root=data_root, ann_file="", data_prefix="val", pipeline=eval_pipeline),
)
