# The same in both packages.
_base_ = "../../../mmcls/models/mixmim/mixmim_base.py"
