# ImageNet for MixMIM, which sees MAE's crops; what it removes from one image it takes from another of the batch.
_base_ = "imagenet_mae.py"

train_dataloader = dict(batch_size=128, num_workers=32, pin_memory=True)
