# Features of ResNet-50 on ImageNet's validation set, for `selfscope tsne`.
_base_ = "mmcls::_base_/default_runtime.py"

model = dict(
    _scope_="mmcls",
    type="ImageClassifier",
    data_preprocessor=dict(num_classes=1000, mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(
        type="ResNet",
        depth=50,
        in_channels=3,
        num_stages=4,
        out_indices=(3,),
        norm_cfg=dict(type="BN"),
        frozen_stages=-1,
    ),
    neck=dict(type="GlobalAveragePooling"),
    head=dict(
        type="LinearClsHead",
        num_classes=1000,
        in_channels=2048,
        loss=dict(type="CrossEntropyLoss", loss_weight=1.0),
        topk=(1, 5),
    ),
)

dataset_type = "mmcls.ImageNet"
data_root = "data/imagenet/"
extract_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmcls.ResizeEdge", scale=256, edge="short"),
    dict(type="CenterCrop", crop_size=224),
    dict(type="mmcls.PackClsInputs"),
]
extract_dataloader = dict(
    batch_size=8,
    num_workers=4,
    dataset=dict(
        type=dataset_type,
        data_root="data/imagenet",
        ann_file="meta/val.txt",
        data_prefix="val",
        pipeline=extract_pipeline,
    ),
    sampler=dict(type="DefaultSampler", shuffle=False),
)
