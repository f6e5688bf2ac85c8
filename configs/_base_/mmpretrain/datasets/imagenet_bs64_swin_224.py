# MMPretrain's edition packs with `PackInputs`, and names a split where MMClassification names files.
_base_ = "../../mmcls/datasets/imagenet_bs64_swin_224.py"

train_pipeline = [*_base_.train_pipeline[:-1], dict(type="PackInputs")]
test_pipeline = [*_base_.test_pipeline[:-1], dict(type="PackInputs")]

train_dataloader = dict(
    dataset=dict(_delete_=True, type="ImageNet", data_root="data/imagenet", split="train", pipeline=train_pipeline)
)
val_dataloader = dict(
    dataset=dict(_delete_=True, type="ImageNet", data_root="data/imagenet", split="val", pipeline=test_pipeline)
)
test_dataloader = val_dataloader
