# MMPretrain's edition packs with `PackInputs`, and names a split.
_base_ = "../../mmcls/datasets/cifar10_bs16.py"

train_pipeline = [*_base_.train_pipeline[:-1], dict(type="PackInputs")]
test_pipeline = [dict(type="PackInputs")]

train_dataloader = dict(
    dataset=dict(_delete_=True, type="CIFAR10", data_root="data/cifar10", split="train", pipeline=train_pipeline)
)
val_dataloader = dict(
    dataset=dict(_delete_=True, type="CIFAR10", data_root="data/cifar10/", split="test", pipeline=test_pipeline)
)
test_dataloader = val_dataloader
