"""What frozen features are worth: k-NN and a linear layer, from a training part to a validation part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from selfscope.embedding.knn import knn_accuracy
from selfscope.embedding.linear import linear_probe
from selfscope.errors import DataError, UsageError
from selfscope.markup import mapping_html
from selfscope.records import Record, Table
from selfscope.structures import Features
from selfscope.views.matching import by_names
from selfscope.views.options import made_of

MASKED_IMAGE = "k-NN and maps under-rate masked-image models, whose worth shows after fine-tuning."
SHARE = 0.2
"""Of one data set without parts, this share is held out."""


@dataclass(frozen=True, eq=False, repr=False)
class Probe:
    """Accuracies in feature space, a row for each representation of the same images."""

    columns: Mapping[str, Sequence[Any]]
    """`name`, `dimensions`, `knn_<k>`, `linear` (shares of the queries right, NaN: not measured), `linear_c`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`train`, `val` (numbers of images), `classes`, `split`, `seed`, `stage`, `k`, `temperature`."""
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        rows = {name: self._row(i) for i, name in enumerate(self.columns["name"])}
        return mapping_html({**rows, **self.settings})

    def text(self) -> str:
        """A table of plain text in per cent, with what is needed to read it."""
        measures = [name for name in self.columns if name.startswith("knn_") or name == "linear"]
        names = [str(name) for name in self.columns["name"]]
        width = max(map(len, names))
        heads = "".join(f"{_heading(name):>14s}" for name in measures)
        lines = [f"{'':{width}s}{'D':>8s}{heads}"]
        for i, name in enumerate(names):
            cells = "".join(f"{_percent(self.columns[measure][i]):>14s}" for measure in measures)
            lines.append(f"{name:{width}s}{self.columns['dimensions'][i]:8d}{cells}")
        return "\n".join([*lines, self.caption(), *self.notes])

    def caption(self) -> str:
        s = self.settings
        linear = "; linear: L2 logistic regression, penalty chosen on a fifth of the training part"
        linear = linear if "linear" in self.columns else ""
        return (
            f"accuracy on {s['val']} images from {s['train']} of {s['classes']} classes; {s['split']}; k-NN by cosine, "
            f"votes weighted exp(cos / {s['temperature']}){linear}; seed {s['seed']}; "
            f"one standard error is at most {50 / s['val'] ** 0.5:.1f} points"
        )

    def records(self, key: str = "probe") -> Iterator[Record]:
        """The table, as any backend stores it."""
        yield Table(key, dict(self.columns), caption=self.caption())

    def _row(self, i: int) -> str:
        return ", ".join(f"{name} {values[i]}" for name, values in self.columns.items() if name != "name")


@dataclass(frozen=True)
class Judges:
    """How features are judged, from a training part to a validation part."""

    k: Sequence[int] = (10, 20)
    linear: bool = True
    temperature: float = 0.07
    """Of a neighbour's vote, exp(cos / temperature)."""
    seed: int = 0
    """Of what is held out, and of the part that chooses the linear layer's penalty."""

    def __post_init__(self) -> None:
        check_k(self.k)

    def __call__(self, *sides: np.ndarray) -> dict[str, Any]:
        """Of a bank `(N, D)` and its labels, and queries `(M, D)` and theirs: `knn_<k>`, `linear`, `linear_c`."""
        row: dict[str, Any] = {f"knn_{n}": knn_accuracy(*sides, k=n, temperature=self.temperature) for n in self.k}
        if self.linear:
            found = linear_probe(*sides, seed=self.seed)
            row |= {"linear": found.accuracy, "linear_c": found.strength, "linear_converged": found.converged}
        return row


def probe(
    train: Features,
    val: Features | None = None,
    *,
    beside: Mapping[str, tuple[Features, Features | None]] | None = None,
    name: str = "model",
    stage: str | None = None,
    **options: Any,
) -> Probe:
    """k-NN (Wu et al. 2018, weighted as DINO does) and a linear probe of labelled features.

    Without `val`, a fifth of `train` (stratified, seeded) is held out, and the split says so. `beside` are other
    representations of the same images: raw pixels, an untrained twin. Items without a label (-1) are left out.
    `options` are those of `Judges`: `k`, `linear`, `temperature`, `seed`.
    """
    judges: Judges = made_of(Judges, options, "probe")
    parts = _parts(train, val, judges.seed)
    columns: dict[str, list[Any]] = {}
    for title, (first, second) in {name: (train, val), **(beside or {})}.items():
        bank, queries = _chosen(first, second, stage, title, (train, val))
        shares = judges(bank[parts.train], parts.train_labels, queries[parts.val], parts.val_labels)
        for column, value in {"name": title, "dimensions": bank.shape[1], **shares}.items():
            columns.setdefault(column, []).append(value)
    settings = {
        "train": len(parts.train),
        "val": len(parts.val),
        "classes": len(np.unique(parts.train_labels)),
        "split": parts.words,
        "seed": judges.seed,
        "stage": stage or next(iter(train.arrays)),
        "k": tuple(judges.k),
        "temperature": judges.temperature,
    }
    return Probe(columns, settings, _notes(columns, max(judges.k), len(parts.train)))


def check_k(k: Sequence[int]) -> None:
    if not k or min(k) < 1:
        raise UsageError(f"k: expected whole numbers of at least 1, got {list(k)}")


@dataclass(frozen=True, eq=False)
class _Parts:
    train: np.ndarray
    """`(n,)` rows of the training features."""
    val: np.ndarray
    """`(m,)` rows of the validation features, which may be the same array."""
    train_labels: np.ndarray
    val_labels: np.ndarray
    words: str


def _parts(train: Features, val: Features | None, seed: int) -> _Parts:
    labels = _labels(train, "training")
    if val is not None:
        truth = by_names(_labels(val, "validation"), val.class_names, train.class_names)
        rows, asked = np.flatnonzero(labels >= 0), np.flatnonzero(truth >= 0)
        overlap = set(train.paths or ()) & set(val.paths or ())
        if overlap:
            raise DataError(
                f"probe: {len(overlap)} images are in both parts, such as {min(overlap)}: a probe needs disjoint ones"
            )
        return _Parts(rows, asked, labels[rows], truth[asked], "training and validation data as given")
    from sklearn.model_selection import train_test_split

    rows = np.flatnonzero(labels >= 0)
    counts = np.unique(labels[rows], return_counts=True)[1]
    if counts.min() < 2 or len(rows) * SHARE < len(counts):
        raise DataError(
            f"probe: {len(rows)} images of {len(counts)} classes are too few to hold some out: give validation data"
        )
    kept, held = train_test_split(rows, test_size=SHARE, stratify=labels[rows], random_state=seed)
    kept, held = np.sort(kept), np.sort(held)
    return _Parts(kept, held, labels[kept], labels[held], f"{SHARE:.0%} of one data set held out, stratified")


def _labels(features: Features, part: str) -> np.ndarray:
    labels = features.labels
    if labels is None or not (labels >= 0).any():
        raise DataError(f"probe: the {part} features have no labels; use class folders, or an annotation file")
    return labels


def _chosen(
    first: Features,
    second: Features | None,
    stage: str | None,
    title: str,
    wanted: tuple[Features, Features | None],
) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation arrays of one representation, which must list the images that the first one lists."""
    for here, there in zip((first, second), wanted, strict=True):
        if (here is None) != (there is None) or (here is not None and there is not None and len(here) != len(there)):
            counts = [None if part is None else len(part) for part in (first, second)]
            raise DataError(f"probe: {title} has {counts} images, not those of the others: extract from the same data")
        if (
            here is not None
            and there is not None
            and None not in (here.paths, there.paths)
            and here.paths != there.paths
        ):
            raise DataError(f"probe: {title} lists other images, or in another order: extract from the same data")
    name = stage if stage is not None and len(first.arrays) > 1 else next(iter(first.arrays))
    if name not in first.arrays:
        raise UsageError(f"probe: no stage {name!r} among {', '.join(first.arrays)}")
    bank = np.asarray(first.arrays[name])
    return bank, bank if second is None else np.asarray(second.arrays[name])


def _notes(columns: Mapping[str, Sequence[Any]], most: int, bank: int) -> tuple[str, ...]:
    notes = [MASKED_IMAGE]
    if most > bank:
        notes.append(f"k = {most} is more than there are training images: all {bank} of them vote.")
    unfinished = [
        str(name) for name, done in zip(columns["name"], columns.get("linear_converged", ()), strict=False) if not done
    ]
    if unfinished:
        notes.append(
            f"The linear probe of {', '.join(unfinished)} stopped before it had converged: read it as a floor."
        )
    return tuple(notes)


def _heading(measure: str) -> str:
    return f"k-NN, k = {measure[4:]}" if measure.startswith("knn_") else measure.replace("_", " ")


def _percent(share: float) -> str:
    return "–" if share != share else f"{100 * share:.1f} %"
