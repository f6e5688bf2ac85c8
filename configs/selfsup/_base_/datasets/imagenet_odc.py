# ImageNet for ODC: one view and which image it is; clusters are made once, then kept up to date.
dataset_type = "DeepClusterImageNet"
data_root = "data/imagenet/"

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomResizedCrop", size=224, backend="pillow"),
    dict(type="RandomFlip", prob=0.5),
    dict(type="RandomRotation", degrees=2),
    dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=1.0, hue=0.5),
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)),
    dict(type="PackSelfSupInputs", algorithm_keys=["sample_idx"], meta_keys=["img_path"]),
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
    sampler=dict(type="DeepClusterSampler", shuffle=True, replace=True),
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
        clustering=dict(type="Kmeans", k=num_classes, pca_dim=-1),  # all dimensions
        unif_sampling=False,
        reweight=True,
        reweight_pow=0.5,
        init_memory=True,
        initial=True,
        interval=9999999999,  # never again
    ),
    dict(
        type="ODCHook",
        centroids_update_interval=10,  # iterations
        deal_with_small_clusters_interval=1,
        evaluate_interval=50,
        reweight=True,
        reweight_pow=0.5,
    ),
]
