# DeepCluster, ResNet-50: predicts the k-means cluster of its own features (arXiv:1807.05520).
model = dict(
    type="DeepCluster",
    data_preprocessor=dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), bgr_to_rgb=True),
    backbone=dict(
        type="ResNet",
        depth=50,
        in_channels=3,
        out_indices=[4],  # 0 is the stem, 1 to 4 are the stages
        norm_cfg=dict(type="BN"),
    ),
    neck=dict(type="AvgPool2dNeck"),
    head=dict(
        type="ClsHead",
        loss=dict(type="mmcls.CrossEntropyLoss"),
        with_avg_pool=False,
        in_channels=2048,
        num_classes=10000,
    ),
)
