# ImageNet in SwAV's multi-crop: two views of 224 pixels, six small ones of 96.
dataset_type = "mmcls.ImageNet"
data_root = "data/imagenet/"

num_crops = [2, 6]
colour = dict(
    type="RandomApply",
    transforms=[dict(type="ColorJitter", brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2)],
    prob=0.8,
)
view_pipeline1 = [
    dict(type="RandomResizedCrop", size=224, scale=(0.14, 1.0), backend="pillow"),
    colour,
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)),
    dict(type="RandomGaussianBlur", sigma_min=0.1, sigma_max=2.0, prob=0.5),
    dict(type="RandomFlip", prob=0.5),
]
view_pipeline2 = [
    dict(type="RandomResizedCrop", size=96, scale=(0.05, 0.14), backend="pillow"),
    colour,
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)),
    dict(type="RandomGaussianBlur", sigma_min=0.1, sigma_max=2.0, prob=0.5),
    dict(type="RandomFlip", prob=0.5),
]

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="MultiView", num_views=num_crops, transforms=[view_pipeline1, view_pipeline2]),
    dict(type="PackSelfSupInputs", meta_keys=["img_path"]),
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
