"""Every literal that a config may hold."""

nothing = None
yes, no = True, False
numbers = [0, -7, 0x1F, 1_000, 2.5, -1e-3, 3.0e8, 1.0]
texts = [
    "plain",
    'it\'s "quoted"',
    "two\nlines",
    "tab\t",
    "ünï ✓",
    r"raw\d",
    "glued together",
    """long
text""",
]
raw = b"\x00bytes"
pair = (1, (2, 3))
single = ("alone",)
empty = [[], (), {}, dict(), set(), ""]
group = {3, 1, 2}
mapping = {"a": 1, 2: "two", None: 0, (1, 2): [3], True: 1.5}
nested = dict(type="A", inner=dict(type="B", values=[dict(type="C"), (dict(type="D"),)]))
