# Barlow Twins, ResNet-50: a three-layer projector of 8,192 dimensions, decorrelated (arXiv:2103.03230).
model = dict(
    type="BarlowTwins",
    data_preprocessor=dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), bgr_to_rgb=True),
    backbone=dict(
        type="ResNet",
        depth=50,
        in_channels=3,
        out_indices=[4],  # 0 is the stem, 1 to 4 are the stages
        norm_cfg=dict(type="SyncBN"),
        zero_init_residual=True,
    ),
    neck=dict(
        type="NonLinearNeck",
        in_channels=2048,
        hid_channels=8192,
        out_channels=8192,
        num_layers=3,
        with_last_bn=False,
        with_last_bn_affine=False,
        with_avg_pool=True,
        init_cfg=dict(type="Kaiming", distribution="uniform", layer=["Linear"]),
    ),
    head=dict(type="LatentCrossCorrelationHead", in_channels=8192, loss=dict(type="CrossCorrelationLoss")),
)
