# DINO, ViT-S/16: a student matches the centred, sharpened outputs of its slow copy (arXiv:2104.14294).
model = dict(
    type="DINO",
    data_preprocessor=dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), bgr_to_rgb=True),
    base_momentum=0.996,
    backbone=dict(type="VisionTransformer", arch="deit-small", img_size=224, patch_size=16, drop_path_rate=0.1),
    head=dict(
        type="DINOHead",
        in_channels=384,
        hid_channels=2048,
        bottleneck_channels=256,
        out_channels=65536,
        num_layers=3,
        norm_last_layer=True,
    ),
    loss=dict(
        type="DINOLoss",
        student_temperature=0.1,
        warmup_teacher_temperature=0.04,
        teacher_temperature=0.04,
        center_momentum=0.9,
    ),
)
