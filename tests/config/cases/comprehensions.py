mean = [123.675, 116.28, 103.53]
pad = [round(x) for x in mean[::-1]]
squares = [x * x for x in range(10) if x % 2 if x > 2]
grid = [(i, j) for i in range(2) for j in range(i + 2)]
by_name = {f"stage{i}": dict(type="Stage", depth=d) for i, d in enumerate([2, 2, 18, 2])}
letters = sorted({c for c in "banana"})
nested = [[row[i] for row in [[1, 2], [3, 4]]] for i in range(2)]
unpacked = [a + b for a, b in [(1, 2), (3, 4)]]
generated = tuple(2 * x for x in range(3)), max(x % 5 for x in range(8)), dict((k, 1) for k in "ab")
keys = {"layer.{}".format(i): dict(lr_mult=0.5**i) for i in range(3)}
starred = [first + sum(rest) for first, *rest in [(1, 2, 3), (4,)]]
x = "the name outside stays"
again = [x for x in range(2)]
