# SimSiam with a narrow ResNet-18 of CIFAR's kind (no early pooling), for two cores.
model = dict(
    type="SimSiam",
    backbone=dict(type="ResNet_CIFAR", depth=18, base_channels=16, out_indices=[4], norm_cfg=dict(type="BN")),
    neck=dict(
        type="NonLinearNeck",
        in_channels=128,
        hid_channels=512,
        out_channels=512,
        num_layers=3,
        with_last_bn_affine=False,
        with_avg_pool=True,
    ),
    head=dict(
        type="LatentPredictHead",
        loss=dict(type="CosineSimilarityLoss"),
        predictor=dict(
            type="NonLinearNeck",
            in_channels=512,
            hid_channels=128,
            out_channels=512,
            with_avg_pool=False,
            with_last_bn=False,
            with_last_bias=True,
        ),
    ),
)
