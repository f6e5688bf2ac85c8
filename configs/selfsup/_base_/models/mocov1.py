# MoCo, ResNet-50: a linear projector, a queue of 65,536 keys (arXiv:1911.05722).
model = dict(
    type="MoCo",
    data_preprocessor=dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), bgr_to_rgb=True),
    queue_len=65536,
    feat_dim=128,
    momentum=0.999,
    backbone=dict(
        type="ResNet",
        depth=50,
        in_channels=3,
        out_indices=[4],  # 0 is the stem, 1 to 4 are the stages
        norm_cfg=dict(type="BN"),
    ),
    neck=dict(type="LinearNeck", in_channels=2048, out_channels=128, with_avg_pool=True),
    head=dict(type="ContrastiveHead", loss=dict(type="mmcls.CrossEntropyLoss"), temperature=0.07),
)
