_base_ = "npid_resnet50_8xb32-steplr-200e_in1k.py"

model = dict(ensure_neg=True)  # an image is never its own negative
