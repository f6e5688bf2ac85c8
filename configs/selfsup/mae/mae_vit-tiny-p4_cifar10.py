# A masked autoencoder small enough for CIFAR-10 on two cores. Three epochs paint blurred shapes; many make features:
# --cfg-options train_cfg.max_epochs=200
_base_ = [
    "../_base_/datasets/cifar10.py",
    "../_base_/schedules/adamw_small.py",
    "../_base_/default_runtime.py",
]

model = dict(
    type="MAE",
    backbone=dict(
        type="MAEViT",
        arch=dict(embed_dims=128, num_layers=6, num_heads=4, feedforward_channels=512),
        img_size=32,
        patch_size=4,
        mask_ratio=0.75,
    ),
    neck=dict(
        type="MAEPretrainDecoder",
        num_patches=64,
        patch_size=4,
        embed_dim=128,
        decoder_embed_dim=64,
        decoder_depth=2,
        decoder_num_heads=4,
        mlp_ratio=2.0,
    ),
    # pixels as they are, so that a picture of them needs no statistics of the original
    head=dict(type="MAEPretrainHead", norm_pix=False, patch_size=4, loss=dict(type="MAEReconstructionLoss")),
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomResizedCrop", size=32, scale=(0.5, 1.0), interpolation="bicubic"),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSelfSupInputs", meta_keys=["img_path"]),
]
train_dataloader = dict(
    batch_size=256,
    num_workers=1,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type="ImageNet", data_root="data/cifar10/", ann_file="", data_prefix="train", pipeline=train_pipeline),
)

default_hooks = dict(
    logger=dict(type="LoggerHook", interval=20),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=3),
)
custom_hooks = [dict(type="SelfSupVisualizationHook", interval=1)]  # views, reconstructions, a map with its trust
