"""Pictures beside and below each other."""

from __future__ import annotations

import numpy as np
import pytest

from selfscope.draw.compose import contact_sheet, fit, grid, page, panel, panels, side_by_side, stack
from selfscope.draw.show import sample_photo
from selfscope.errors import UsageError
from tests.draw.golden import check_golden

RNG = np.random.default_rng(0)
A = RNG.integers(0, 255, (6, 4, 3), dtype=np.uint8)
B = RNG.integers(0, 255, (2, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize(("align", "top"), [("start", 0), ("center", 2), ("end", 4)])
def test_side_by_side(align: str, top: int) -> None:
    row = side_by_side([A, B], gap=3, align=align)
    assert row.shape == (6, 12, 3)
    np.testing.assert_array_equal(row[:, :4], A)
    np.testing.assert_array_equal(row[top : top + 2, 7:], B)
    rest = np.ones(row.shape[:2], bool)
    rest[:, :4] = rest[top : top + 2, 7:] = False
    assert (row[rest] == 255).all()


def test_stacking_is_the_turned_row() -> None:
    column = stack([A, B], gap=1, align="end", background="k")
    assert column.shape == (9, 5, 3)
    np.testing.assert_array_equal(column[:6, 1:], A)
    np.testing.assert_array_equal(column[7:], B)
    assert (column[6] == 0).all()


def test_a_grid_has_equal_cells() -> None:
    cells = grid([A, B, A], columns=2, gap=2)
    assert cells.shape == (14, 12, 3)
    np.testing.assert_array_equal(cells[:6, :4], A)
    np.testing.assert_array_equal(cells[2:4, 7:], B)
    np.testing.assert_array_equal(cells[8:, :4], A)
    assert grid([A] * 9, gap=0).shape == (18, 12, 3)
    np.testing.assert_array_equal(grid([A], columns=7), A)


def test_nothing_is_refused() -> None:
    for compose in (side_by_side, stack, grid, panels, contact_sheet):
        with pytest.raises(UsageError, match="at least one picture"):
            compose([])
    with pytest.raises(UsageError, match="align"):
        side_by_side([A], align="middle")
    with pytest.raises(UsageError, match="column"):
        grid([A], columns=-1)


def find(picture: np.ndarray, part: np.ndarray) -> list[tuple[int, int]]:
    """Every place where `part` stands in `picture`, pixel for pixel."""
    h, w = part.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(picture, (h, w, 3))[:, :, 0]
    first = (picture[: windows.shape[0], : windows.shape[1]] == part[0, 0]).all(axis=2)
    return [(y, x) for y, x in zip(*np.nonzero(first), strict=True) if (windows[y, x] == part).all()]


def test_a_panel_holds_its_picture_below_its_heading() -> None:
    photo = sample_photo(40, 60)
    drawn = panel(photo, "a heading that is longer than the picture is wide")
    assert drawn.shape[1] == 60
    np.testing.assert_array_equal(drawn[-40:], photo)
    assert (drawn[:-40] < 128).any()


def test_panels_have_their_upper_edges_on_one_line() -> None:
    photos = [sample_photo(40, 60, 1), sample_photo(20, 30, 2)]
    drawn = panels([(photo, "name") for photo in photos])
    (place,), (other,) = find(drawn, photos[0]), find(drawn, photos[1])
    assert place[0] == other[0]


def test_panels_without_headings_are_a_row() -> None:
    np.testing.assert_array_equal(panels([(A, ""), (B, "")], gap=3), side_by_side([A, B], gap=3, align="start"))


def test_a_page_keeps_its_body_and_marks_its_notes() -> None:
    photo = sample_photo(50, 300)
    plain, full = page(photo), page(photo, title="Title", notes=["untrained"], footer=["seed 0"])
    assert len(find(plain, photo)) == len(find(full, photo)) == 1
    amber = (full == (255, 243, 214)).all(axis=2)
    assert amber.any()
    assert not (plain == (255, 243, 214)).all(axis=2).any()
    assert full.shape[0] > plain.shape[0]
    assert full.shape[1] == plain.shape[1]


def test_narrow_pages_are_widened_for_words() -> None:
    assert page(A, title="a title", min_width=200).shape[1] > 200


def test_every_picture_is_on_the_sheet_in_order() -> None:
    photos = [sample_photo(60, 80, seed) for seed in range(7)]
    sheet = contact_sheet([(photo, f"{i}.jpg") for i, photo in enumerate(photos)], columns=3, width=300)
    places = [find(sheet, photo) for photo in photos]
    assert all(len(place) == 1 for place in places)
    flat = [place[0] for place in places]
    assert flat == sorted(flat)
    assert len({y for y, _ in flat}) == 3


@pytest.mark.parametrize("shape", [(10, 400), (400, 10), (1, 1), (16, 16), (224, 224)])
@pytest.mark.parametrize("count", [1, 2, 20])
def test_sheets_of_any_shape_are_of_moderate_size(shape: tuple[int, int], count: int) -> None:
    cells = [(sample_photo(*shape, seed=i), f"folder/name {i}") for i in range(count)]
    sheet = contact_sheet(cells, width=800)
    assert sheet.shape[1] <= 800 + 64
    assert sheet.shape[0] <= 3000


def test_tall_and_wide_pictures_keep_their_proportions_on_a_sheet() -> None:
    wide, tall = sample_photo(20, 200), sample_photo(200, 20)
    sheet = contact_sheet([(wide, "wide"), (tall, "tall")], columns=2, width=300)
    cell = (300 - 8) // 2
    assert find(sheet, fit(wide, (cell * 5 // 4, cell)))
    assert find(sheet, fit(tall, (cell * 5 // 4, cell)))


def test_golden() -> None:
    shapes = [(45, 60), (30, 90), (60, 30), (16, 16), (45, 60)]
    cells = [(sample_photo(*shape, seed=i), f"n0{i}_hills/photo_{i}.jpg") for i, shape in enumerate(shapes)]
    cells[2] = (cells[2][0], "tall, with a caption that takes two lines")
    sheet = contact_sheet(cells, columns=3, title="Hills", notes=["untrained"], footer=["seed 0"], width=420)
    check_golden(sheet, "sheet")


def test_pictures_with_words_keep_their_size_and_begin_on_one_line() -> None:
    photos = [sample_photo(120, 300, 1), sample_photo(200, 180, 2), sample_photo(90, 400, 3)]
    sheet = contact_sheet([(photo, f"photo {i}") for i, photo in enumerate(photos)], columns=2, width=500, words=True)
    ((y0, x0),), ((y1, x1),), ((y2, x2),) = (find(sheet, photo) for photo in photos)
    assert (y0, x0) == (y1, x2)
    assert x1 - x0 == 400 + 2 * max(8, 500 // 80)  # cells are as wide as the widest
    assert y2 > y1 + 200
    assert (sheet[y1 - 20 : y1, x1 : x1 + 60] < 128).any()  # the caption stands above


def test_a_few_small_pictures_with_words_are_not_blown_up() -> None:
    photo = sample_photo(40, 60)
    assert len(find(contact_sheet([(photo, "")], width=1600, words=True), photo)) == 1


@pytest.mark.parametrize(("shape", "columns"), [((100, 790), 3), pytest.param((300, 450), 5, marks=pytest.mark.slow)])
def test_a_sheet_has_as_many_columns_as_find_room_at_full_size(shape: tuple[int, int], columns: int) -> None:
    photos = [sample_photo(*shape, seed=i) for i in range(25)]
    sheet = contact_sheet([(photo, "") for photo in photos], words=True)
    places = [find(sheet, photo)[0] for photo in photos[:6]]
    assert len({x for _, x in places}) == min(6, columns)


@pytest.mark.slow
def test_a_picture_too_large_for_a_sheet_shrinks_alone() -> None:
    large, small = sample_photo(400, 4000), sample_photo(60, 80)
    sheet = contact_sheet([(large, "a"), (small, "b")], columns=1, words=True)
    assert find(sheet, small)
    assert find(sheet, fit(large, (2500, 2500)))


def test_one_panorama_does_not_make_every_cell_as_large_as_itself() -> None:
    photos = [(sample_photo(90, 120, seed), "photo") for seed in range(5)]
    odd = [(sample_photo(4000, 20), "tall"), (sample_photo(20, 2400), "wide")]
    sheet = contact_sheet([*photos, *odd], words=True)
    assert sheet.shape[0] < 3 * contact_sheet(photos, words=True).shape[0]
    assert sheet.shape[1] < 1600
    assert len(find(sheet, photos[0][0])) == 1
