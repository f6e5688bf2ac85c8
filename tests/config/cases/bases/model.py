norm = dict(type="BN", eps=1e-5)
model = dict(type="Net", backbone=dict(type="ResNet", depth=50, norm=norm), head=dict(type="Head", classes=10))
stages = [dict(depth=1), dict(depth=2)]
