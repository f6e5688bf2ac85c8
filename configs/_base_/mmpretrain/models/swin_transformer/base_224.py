# The same in both packages.
_base_ = "../../../mmcls/models/swin_transformer/base_224.py"
