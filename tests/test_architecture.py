"""A package imports only packages listed above it, and heavy libraries stay where they belong."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "selfscope"

LAYERS = [
    "errors",
    "plain_numbers",
    "markup",
    "records",
    "structures",
    "overlap",
    "sampled",
    "statistics",
    "draw",
    "config",
    "store",
    "visualization",
    "embedding",
    "data",
    "models",
    "views",
    "training",
    "server",
    "demo",
    "cli",
]
# records show themselves (`plot`, `_repr_html_`) by calling draw when asked, so these imports stand inside functions.
LAZY_UPWARD = {("records", "draw"), ("statistics", "draw")}
NARROW = {
    "server": {"errors", "records", "store", "server"},
    "draw": {"errors", "records", "structures", "overlap", "sampled", "statistics", "draw"},
}
TORCH_PACKAGES = ("data", "models", "views", "training", "demo")
TORCH_IN_FUNCTIONS = ("embedding", "visualization", "demo", "cli")
TORCH = {"torch", "torchvision", "timm", "safetensors"}


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def layer(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


@cache
def imports(path: Path) -> tuple[tuple[str, bool], ...]:
    """Every imported module with whether the import stands inside a function; type-checking blocks do not count."""
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, lazy: bool) -> None:
        if isinstance(node, ast.expr) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            return
        if isinstance(node, ast.Import):
            found.extend((alias.name, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            top = node.module == "selfscope"
            names = [f"selfscope.{alias.name}" for alias in node.names] if top else [node.module or ""]
            found.extend((name, lazy) for name in names)
        inner = lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for child in ast.iter_child_nodes(node):
            visit(child, inner)

    visit(ast.parse(path.read_text(encoding="utf-8")), False)
    return tuple(found)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_follow_the_layers(path: Path) -> None:
    here = layer(path)
    assert here in LAYERS or here == "__main__", f"{here} is not in the table of layers"
    for name, lazy in imports(path):
        top, _, rest = name.partition(".")
        if top != "selfscope" or not rest or here == "__main__":
            continue
        there = rest.split(".")[0]
        if there not in LAYERS or (lazy and (here, there) in LAZY_UPWARD):
            continue
        assert LAYERS.index(there) <= LAYERS.index(here), f"{path}: {here} imports {there}"
        assert there in NARROW.get(here, set(LAYERS)), f"{path}: {here} may not import {there}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_torch_stays_where_it_belongs(path: Path) -> None:
    here = layer(path)
    for name, lazy in imports(path):
        if name.split(".")[0] in TORCH:
            assert here in TORCH_PACKAGES or (lazy and here in TORCH_IN_FUNCTIONS), f"{path} imports {name}"
