pipeline = [dict(type="Load"), dict(type="Crop", size=224)]
made = dict(a=1), dict([("b", 2)]), dict(dict(c=3), d=4), dict(**dict(e=5), f=6), dict({"g h": 7}, i=8)
kinds = list("abc"), tuple([1, 2]), set([1, 1, 2]), list(dict(x=1, y=2)), list(range(2, 8, 3))
numbers = (
    int("12"),
    int(3.9),
    int("ff", 16),
    float("1e-3"),
    float("inf"),
    str(1.5),
    str([1, "a"]),
    bool([]),
    round(2.567, 2),
)
sizes = len(pipeline), min(3, 1, 2), max([4, 9]), min([], default=0), abs(-3.5), sum([1, 2, 3]), sum([0.5], 1)
ordered = sorted([3, 1, 2]), sorted("bca", reverse=True), list(reversed([1, 2])), list(zip("ab", [1, 2]))
tests = any([0, 1]), all([]), list(enumerate("ab", start=1))
lazy = range(1, 10, 2)
known = pipeline[1].get("size"), pipeline[1].get("scale", 1.0), list(pipeline[1].keys()), list(pipeline[1].items())
found = [1, 2, 1].count(1), ("a", "b").index("b")
nothing = list(), tuple(), set(), dict(), int(), float(), str()
