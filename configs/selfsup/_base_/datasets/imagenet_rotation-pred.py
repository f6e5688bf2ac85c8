# ImageNet for Rotation Prediction: one crop, turned by 0, 90, 180 and 270 degrees.
dataset_type = "mmcls.ImageNet"
data_root = "data/imagenet/"

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomResizedCrop", size=224, backend="pillow"),
    dict(type="RandomFlip", prob=0.5),
    dict(type="RotationWithLabels"),
    dict(type="PackSelfSupInputs", pseudo_label_keys=["rot_label"], meta_keys=["img_path"]),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file="meta/train.txt",
        data_prefix=dict(img_path="train/"),
        pipeline=train_pipeline,
    ),
)
