name, width, share = "vit", 12, 1 / 3
plain = f"{name}-{width}"
specs = f"{share:.3f} {width:05d} {width:>6} {name:*^9} {width:x} {1e6:,.0f} {share:.1%}"
conversions = f"{name!r} {name!s} {'ü'!a} {[1, 'a']} {dict(a=1)} {None}"
nested_spec = f"{share:{width}.{2 + 1}f}"
braces = f"{{{name}}}"
equals = f"{width=}"
percent = "%s-%d %5.2f %r %%" % ("a", 3, 2.5, "q")
named = "%(a)s and %(b)03d" % dict(a="x", b=7)
formatted = "{} {} {}".format(1, "two", 3.0), "{1}{0}".format("a", "b"), "{x!r:>5} {{}}".format(x="q")
methods = (
    ", ".join(["a", "b"]),
    "a b  c".split(),
    "a,b,c".split(",", 1),
    "Mixed".lower(),
    "Mixed".upper(),
    " x ".strip(),
    "a.b".replace(".", "/"),
    "abc".startswith("ab"),
    "abc".endswith(("x", "bc")),
)
indexed = "backbone"[0], "backbone"[-4:], "backbone"[::2]
