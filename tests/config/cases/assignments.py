import copy
from copy import deepcopy as clone

a = b = [1, 2]
b.append(3)
(first, second), *rest = [1, 2], 3, 4
[left, right] = "lr"
count = 1
count += 2
count *= 5
count **= 2
shared = a
shared += [4]
model = dict(backbone=dict(depth=50), heads=[dict(size=1), dict(size=2)])
model["backbone"]["depth"] += 51
model["heads"][-1]["size"] = 7
model["neck"] = None
model["heads"] += [dict(size=3)]
other = copy.deepcopy(model)
other["backbone"]["depth"] = 18
shallow = copy.copy(model)
shallow["backbone"]["depth"] = 34
third = clone(model["heads"])
third[0]["size"] = 100
numbers = [0, 1, 2, 3, 4, 5]
numbers[1:3] = [10, 20, 30]
numbers[::3] = [7, 7, 7]
del numbers[-1]
temporary, gone = 1, 2
del temporary, (gone)
del model["neck"]
mapping = dict(a=1)
alias = mapping
mapping |= dict(b=2)
mapping.update(c=3)
mapping.setdefault("d", []).append(4)
popped = mapping.pop("a"), numbers.pop(), numbers.pop(0)
numbers.extend((8, 9))
numbers.insert(0, -1)
numbers.remove(7)
numbers.reverse()
annotated: dict = dict(type="X")
