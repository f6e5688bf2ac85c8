# ImageNet in DINO's multi-crop: two unequal global views of 224 pixels, eight local ones of 96.
dataset_type = "mmcls.ImageNet"
data_root = "data/imagenet/"

num_crops = [1, 1, 8]
colour = dict(
    type="RandomApply",
    transforms=[dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1)],
    prob=0.8,
)
global_crop = dict(type="RandomResizedCrop", size=224, scale=(0.4, 1.0), interpolation="bicubic", backend="pillow")
local_crop = dict(type="RandomResizedCrop", size=96, scale=(0.05, 0.4), interpolation="bicubic", backend="pillow")
global_pipeline1 = [
    global_crop,
    dict(type="RandomFlip", prob=0.5),
    colour,
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)),
    dict(type="RandomGaussianBlur", sigma_min=0.1, sigma_max=2.0, prob=1.0),
]
global_pipeline2 = [
    global_crop,
    dict(type="RandomFlip", prob=0.5),
    colour,
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)),
    dict(type="RandomGaussianBlur", sigma_min=0.1, sigma_max=2.0, prob=0.1),
    dict(type="RandomSolarize", prob=0.2),
]
local_pipeline = [
    local_crop,
    dict(type="RandomFlip", prob=0.5),
    colour,
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)),
    dict(type="RandomGaussianBlur", sigma_min=0.1, sigma_max=2.0, prob=0.5),
]

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="MultiView", num_views=num_crops, transforms=[global_pipeline1, global_pipeline2, local_pipeline]),
    dict(type="PackSelfSupInputs", meta_keys=["img_path"]),
]

train_dataloader = dict(
    batch_size=64,
    num_workers=10,
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
