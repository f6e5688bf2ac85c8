# The same in both packages.
_base_ = "../../mmcls/schedules/imagenet_bs1024_adamw_swin.py"
