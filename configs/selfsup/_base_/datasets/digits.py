# scikit-learn's digits as folders of pictures: `python -m selfscope.data.digits data/digits` writes them.
data_root = "data/digits/"
data_preprocessor = dict(mean=[78.0, 78.0, 78.0], std=[88.0, 88.0, 88.0], bgr_to_rgb=True)

vis_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(32, 32), backend="pillow", interpolation="bicubic"),
    dict(type="PackSelfSupInputs", meta_keys=["img_path"]),
]
extract_dataloader = dict(
    batch_size=128,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="ImageNet", data_root=data_root, ann_file="", data_prefix="val", pipeline=vis_pipeline),
)
