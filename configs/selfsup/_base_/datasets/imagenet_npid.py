# ImageNet, one view of each image and which image it is.
dataset_type = "mmcls.ImageNet"
data_root = "data/imagenet/"

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomResizedCrop", size=224, scale=(0.2, 1.0), backend="pillow"),
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)),
    dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=0.4, hue=0.4),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSelfSupInputs", algorithm_keys=["sample_idx"], meta_keys=["img_path"]),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    drop_last=True,
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
