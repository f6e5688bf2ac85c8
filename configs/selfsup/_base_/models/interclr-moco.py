# InterCLR on MoCo v2, ResNet-50: relations between images by an online clustering (arXiv:2008.11702).
model = dict(
    type="InterCLRMoCo",
    data_preprocessor=dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), bgr_to_rgb=True),
    queue_len=65536,
    feat_dim=128,
    momentum=0.999,
    loss_lambda=0.75,
    backbone=dict(
        type="ResNet",
        depth=50,
        in_channels=3,
        out_indices=[4],  # 0 is the stem, 1 to 4 are the stages
        norm_cfg=dict(type="BN"),
    ),
    neck=dict(
        type="MoCoV2Neck",
        in_channels=2048,
        hid_channels=2048,
        out_channels=128,
        with_avg_pool=True,
    ),
    head=dict(type="ContrastiveHead", loss=dict(type="mmcls.CrossEntropyLoss"), temperature=0.2),
    online_labels=True,
    neg_num=16384,
    neg_sampling="semihard",
    semihard_neg_pool_num=128000,
    memory_bank=dict(
        type="InterCLRMemory",
        length=1281167,
        feat_dim=128,
        momentum=1.0,
        num_classes=10000,
        min_cluster=20,
        debug=False,
    ),
)
