# ImageNet in two views of MoCo v2's augmentation, and which image they are of: InterCLR clusters its memory of them.
_base_ = "imagenet_mocov2.py"

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="MultiView", num_views=2, transforms=[{{_base_.view_pipeline}}]),
    dict(type="PackSelfSupInputs", algorithm_keys=["sample_idx"], meta_keys=["img_path"]),
]
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=train_pipeline))
