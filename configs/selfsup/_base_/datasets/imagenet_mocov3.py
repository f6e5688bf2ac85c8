# ImageNet in MoCo v3's two unequal views, which are BYOL's with crops of 20 % and more.
dataset_type = "mmcls.ImageNet"
data_root = "data/imagenet/"

view_pipeline1 = [
    dict(type="RandomResizedCrop", size=224, scale=(0.2, 1.0), backend="pillow"),
    dict(
        type="RandomApply",
        transforms=[dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1)],
        prob=0.8,
    ),
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)),
    dict(type="RandomGaussianBlur", sigma_min=0.1, sigma_max=2.0, prob=1.0),
    dict(type="RandomSolarize", prob=0.0),
    dict(type="RandomFlip", prob=0.5),
]
view_pipeline2 = [
    dict(type="RandomResizedCrop", size=224, scale=(0.2, 1.0), backend="pillow"),
    dict(
        type="RandomApply",
        transforms=[dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1)],
        prob=0.8,
    ),
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)),
    dict(type="RandomGaussianBlur", sigma_min=0.1, sigma_max=2.0, prob=0.1),
    dict(type="RandomSolarize", prob=0.2),
    dict(type="RandomFlip", prob=0.5),
]

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="MultiView", num_views=[1, 1], transforms=[view_pipeline1, view_pipeline2]),
    dict(type="PackSelfSupInputs", meta_keys=["img_path"]),
]

train_dataloader = dict(
    batch_size=256,
    num_workers=4,
    pin_memory=True,
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
