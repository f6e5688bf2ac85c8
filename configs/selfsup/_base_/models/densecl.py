# DenseCL, ResNet-50: half of the loss on single cells of the feature map (arXiv:2011.09157).
model = dict(
    type="DenseCL",
    data_preprocessor=dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), bgr_to_rgb=True),
    queue_len=65536,
    feat_dim=128,
    momentum=0.999,
    loss_lambda=0.5,
    backbone=dict(
        type="ResNet",
        depth=50,
        in_channels=3,
        out_indices=[4],  # 0 is the stem, 1 to 4 are the stages
        norm_cfg=dict(type="BN"),
    ),
    neck=dict(
        type="DenseCLNeck",
        in_channels=2048,
        hid_channels=2048,
        out_channels=128,
        num_grid=None,
    ),
    head=dict(type="ContrastiveHead", loss=dict(type="mmcls.CrossEntropyLoss"), temperature=0.2),
)
