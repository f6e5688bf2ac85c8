# Features of Swin-B on ImageNet's validation set, for `selfscope tsne`.
_base_ = "mmcls::_base_/default_runtime.py"

model = dict(
    _scope_="mmcls",
    type="ImageClassifier",
    data_preprocessor=dict(num_classes=1000, mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    backbone=dict(
        type="SwinTransformer",
        arch="base",
        img_size=192,
        out_indices=(3,),  # MMSelfSup's file says -1, which a Swin does not take: it could not be built
        drop_path_rate=0.1,
        stage_cfgs=dict(block_cfgs=dict(window_size=6)),
    ),
    neck=dict(type="GlobalAveragePooling"),
    head=dict(
        type="LinearClsHead",
        num_classes=1000,
        in_channels=1024,
        init_cfg=None,
        loss=dict(type="LabelSmoothLoss", label_smooth_val=0.1, mode="original"),
        cal_acc=False,
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
