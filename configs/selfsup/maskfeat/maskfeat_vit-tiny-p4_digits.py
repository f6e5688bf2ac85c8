# MaskFeat for scikit-learn's digits on two cores: one histogram of gradients a colour for each 4-pixel patch.
_base_ = [
    "../_base_/datasets/digits.py",
    "../_base_/schedules/adamw_small.py",
    "../_base_/default_runtime.py",
]

model = dict(
    type="MaskFeat",
    backbone=dict(
        type="MaskFeatViT",
        arch=dict(embed_dims=128, num_layers=4, num_heads=4, feedforward_channels=512),
        img_size=32,
        patch_size=4,
    ),
    neck=dict(type="LinearNeck", in_channels=128, out_channels=27, with_avg_pool=False),
    head=dict(type="MaskFeatPretrainHead", loss=dict(type="PixelReconstructionLoss", criterion="L2")),
    target_generator=dict(type="HOGGenerator", nbins=9, pool=4, gaussian_window=8),
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomResizedCrop", size=32, scale=(0.5, 1.0)),
    dict(type="BEiTMaskGenerator", input_size=8, num_masking_patches=26, min_num_patches=4),
    dict(type="PackSelfSupInputs", algorithm_keys=["mask"], meta_keys=["img_path"]),
]
train_dataloader = dict(
    batch_size=128,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type="ImageNet", data_root="data/digits/", ann_file="", data_prefix="train", pipeline=train_pipeline),
)

default_hooks = dict(
    logger=dict(type="LoggerHook", interval=20),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=3),
)
train_cfg = dict(max_epochs=30)
custom_hooks = [dict(type="SelfSupVisualizationHook", interval=10)]  # views, reconstructions, a map with its trust
