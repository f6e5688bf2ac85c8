base_lr = 1.5e-4
batch = 8 * 512
lr = base_lr * batch / 256
whole = 7 // 2, -7 // 2, 7 % 3, -7 % 3, 7.5 // 2, 2**10, 2**-1, -(2**2)
bits = 1 << 10, 1023 >> 3, 6 & 3, 6 | 3, 6 ^ 3, ~5
large = 2**4000 % 1_000_007
texts = "ab" + "cd", "-" * 5, 3 * "xy", b"a" + b"b"
lists = [1] + [2, 3], [0] * 3, (1,) + (2,), 2 * [[1]]
sets = {1, 2} | {3}, {1, 2} & {2, 3}, {1, 2} - {2}, {1, 2} ^ {2, 3}
merged = dict(a=1, b=2) | dict(b=3, c=4)
order = 1 < 2 <= 2 < 3, 1 < 3 < 2, "a" < "b", [1, 2] < [1, 3], 1 == 1.0, 1 is None, None is None, 1 is not None
member = 2 in [1, 2], "x" not in "abc", "b" in dict(b=1), 3 in range(5), 2.5 in range(5)
logic = 1 and 2, 0 or "fallback", not [], None or [] or 0, 1 and [] and 2
choice = "big" if batch > 1000 else "small"
