use_crop = True
size = 224
pipeline = [dict(type="Load")]
if use_crop and size > 200:
    pipeline.append(dict(type="Crop", size=size))
elif use_crop:
    pipeline.append(dict(type="Never"))
else:
    pass
if not use_crop:
    pipeline.extend([dict(type="Never")])
stages = []
for i, depth in enumerate([2, 6]):
    for width in (96, 192):
        stages.append(dict(name=f"s{i}", depth=depth, width=width))
else:
    finished = True
if __name__ == "__main__":
    import os

    print(os.getcwd())
