# SimMIM with a two-stage Swin, for scikit-learn's digits on two cores: 60 % of the 8-pixel squares are removed.
_base_ = [
    "../_base_/datasets/digits.py",
    "../_base_/schedules/adamw_small.py",
    "../_base_/default_runtime.py",
]

model = dict(
    type="SimMIM",
    backbone=dict(
        type="SimMIMSwinTransformer",
        arch=dict(embed_dims=32, depths=(2, 2), num_heads=(2, 4)),
        img_size=32,
        patch_size=2,
        out_indices=(1,),
        drop_path_rate=0.0,
        stage_cfgs=dict(block_cfgs=dict(window_size=4)),
    ),
    neck=dict(type="SimMIMNeck", in_channels=64, encoder_stride=4),
    head=dict(type="SimMIMHead", patch_size=2, loss=dict(type="SimMIMReconstructionLoss", encoder_in_channels=3)),
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomResizedCrop", size=32, scale=(0.67, 1.0), ratio=(3 / 4, 4 / 3)),
    dict(type="SimMIMMaskGenerator", input_size=32, mask_patch_size=8, model_patch_size=2, mask_ratio=0.6),
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
