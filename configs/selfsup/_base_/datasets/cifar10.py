# CIFAR-10 as folders of pictures, data/cifar10/<train|test>/<class>/….
# What is learned from is named by each config; this is what its features are looked at with.
data_root = "data/cifar10/"
data_preprocessor = dict(mean=[125.3, 123.0, 113.9], std=[51.6, 50.8, 51.3], bgr_to_rgb=True)

vis_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(32, 32), backend="pillow"),
    dict(type="PackSelfSupInputs", meta_keys=["img_path"]),
]
extract_dataloader = dict(
    batch_size=256,
    num_workers=1,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="ImageNet", data_root=data_root, ann_file="", data_prefix="test", pipeline=vis_pipeline),
)
