# ImageNet for DeepCluster: one view, labelled by the cluster that its image fell into.
dataset_type = "DeepClusterImageNet"
data_root = "data/imagenet/"

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomResizedCrop", size=224, backend="pillow"),
    dict(type="RandomFlip", prob=0.5),
    dict(type="RandomRotation", degrees=2),
    dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=1.0, hue=0.5),
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)),
    dict(type="PackSelfSupInputs", pseudo_label_keys=["clustering_label"], meta_keys=["img_path"]),
]

# What is clustered: every image, whole and unchanged.
extract_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmcls.ResizeEdge", scale=256, edge="short", backend="pillow"),
    dict(type="CenterCrop", crop_size=224),
    dict(type="PackSelfSupInputs", meta_keys=["img_path"]),
]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DeepClusterSampler", shuffle=True),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file="meta/train.txt",
        data_prefix=dict(img_path="train/"),
        pipeline=train_pipeline,
    ),
)

num_classes = 10000
extract_dataloader = dict(
    batch_size=128,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=True),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file="meta/train.txt",
        data_prefix=dict(img_path="train/"),
        pipeline=extract_pipeline,
    ),
)
custom_hooks = [
    dict(
        type="DeepClusterHook",
        extract_dataloader=extract_dataloader,
        clustering=dict(type="Kmeans", k=num_classes, pca_dim=256),
        unif_sampling=True,
        reweight=False,
        reweight_pow=0.5,
        initial=True,
        interval=1,  # epochs between two clusterings
    )
]
