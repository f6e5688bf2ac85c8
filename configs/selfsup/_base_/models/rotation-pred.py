# Rotation Prediction, ResNet-50: by which of four angles the image was turned (arXiv:1803.07728).
model = dict(
    type="RotationPred",
    data_preprocessor=dict(
        type="mmselfsup.RotationPredDataPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type="ResNet",
        depth=50,
        in_channels=3,
        out_indices=[4],  # 0 is the stem, 1 to 4 are the stages
        norm_cfg=dict(type="SyncBN"),
    ),
    head=dict(
        type="ClsHead",
        loss=dict(type="mmcls.CrossEntropyLoss"),
        with_avg_pool=True,
        in_channels=2048,
        num_classes=4,
    ),
)
