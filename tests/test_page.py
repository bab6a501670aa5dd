"""A page holds all that it shows, says what is true, and works in a browser."""

import json
import shlex
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import browser
import numpy as np
import pytest
from command import run
from pictures import photograph
from PIL import Image

from imagine_cli import page, picture

pytestmark = pytest.mark.usefixtures("toy")

ODD = "a 'b' \"c\" <i>&amp;\n--> <!--<script> 😀.png"


def about(path):
    """What a page's script is told."""
    text = path.read_text().split('<script id="data" type="application/json">')[1]
    return json.loads(text.split("</script>")[0])


def embedded(path):
    """The pictures of a page, as bytes."""
    sources = path.read_text().split('<img alt="" src="data:image/')[1:]
    return [b64decode(source.split('"')[0].partition(",")[2]) for source in sources]


@pytest.fixture
def two(tmp_path):
    files = [tmp_path / "one.png", tmp_path / "two.png"]
    for seed, file in enumerate(files):
        Image.fromarray(photograph(30, 40, seed)).save(file)
    return files


def test_a_gallery_holds_the_written_files_and_tells_how_they_agree(photo):
    result = run("upscale", photo, "-n", 2, "--scale", 4, "--gallery")
    assert result.exit_code == 0, result.output
    html = photo.with_name("photo-x4.html")
    assert result.stdout.splitlines()[-1] == str(html)
    plain, first, second, heat = embedded(html)
    written = [photo.with_name(f"photo-x4-{seed}.png").read_bytes() for seed in (0, 1)]
    assert [first, second] == written
    witness = Image.open(photo).resize((64, 48), Image.Resampling.LANCZOS)
    assert np.array_equal(Image.open(BytesIO(plain)), witness)
    assert Image.open(BytesIO(heat)).size == (64, 48)
    cards = about(html)["pictures"]
    assert [card["label"] for card in cards] == ["Input", "seed 0", "seed 1", "Differences"]
    assert "100 % of its bytes" in about(html)["shared"]  # said once
    assert [card["note"] for card in cards[1:3]] == ["", ""]
    assert [card.get("link") for card in cards] == [None, "photo-x4-0.png", "photo-x4-1.png", None]


def test_the_command_for_more_does_what_it_says(photo, tmp_path):
    out = tmp_path / "it's out"
    run("upscale", photo, "-n", 1, "--seed", 3, "--scale", 2, "--gallery", "-o", out)
    command = about(out / "photo-x2.html")["pictures"][1]["command"]
    program, *arguments = shlex.split(command)
    assert program == "imagine"
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    names = [f"photo-x2-like3-0.3-{seed}.png" for seed in (0, 1, 2, 4, 5)]
    assert [Path(line).name for line in result.stdout.splitlines()[:5]] == names
    again = about(out / "photo-x2-like3-0.3.html")["pictures"][2]["command"]
    assert "--like 3-0.3-1 " in again
    result = run(*shlex.split(again)[1:])
    assert (out / "photo-x2-like3-0.3-1-0.3-0.png").exists(), result.output


def test_a_page_is_made_again_for_other_variants_and_left_for_the_same(photo):
    html = photo.with_name("photo-x2.html")
    wanted = ["upscale", photo, "--scale", 2, "--gallery"]
    run(*wanted, "-n", 2)
    made = html.stat().st_mtime_ns
    assert run(*wanted, "-n", 2).exit_code == 0
    assert html.stat().st_mtime_ns == made
    run("upscale", photo, "--scale", 2, "-n", 3)
    run(*wanted, "-n", 3)
    assert len(about(html)["pictures"]) == 5


def test_a_stranger_s_page_is_left_and_nothing_is_computed(photo):
    html = photo.with_name("photo-x2.html")
    html.write_text("<!doctype html> mine")
    result = run("upscale", photo, "--scale", 2, "--gallery")
    assert result.exit_code == 1
    assert "not a page of variants" in result.stderr
    assert html.read_text() == "<!doctype html> mine"
    assert not list(photo.parent.glob("photo-x2-*"))


def test_a_result_that_is_no_picture_is_named(photo):
    spoilt = photo.with_name("photo-x2-0.png")
    spoilt.write_bytes(b"mine")
    result = run("upscale", photo, "--scale", 2, "--gallery", "-n", 2)
    assert result.exit_code == 1
    assert f"{spoilt} exists" in result.stderr
    assert "Traceback" not in result.stderr
    assert not photo.with_name("photo-x2.html").exists()
    assert not list(photo.parent.glob(".*"))


def test_agreement_is_measured_on_a_turned_picture_as_it_was_stored(tmp_path):
    for orientation in range(1, 9):
        file = tmp_path / f"turned{orientation}.jpg"
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(photograph(40, 24)).save(file, quality=20, exif=exif)
        assert run("decompress", file, "-n", 1, "--gallery").exit_code == 0
        cards = about(tmp_path / f"turned{orientation}-decompressed.html")["pictures"]
        assert "100 % of its coefficients" in cards[1]["note"]


def test_compare_writes_a_page_of_any_pictures(two, tmp_path):
    jpeg = tmp_path / "three.jpg"
    tiff = tmp_path / "four.tiff"
    Image.open(two[0]).save(jpeg)
    Image.open(two[1]).save(tiff)
    html = tmp_path / "page.html"
    result = run("compare", *two, jpeg, tiff, "-o", html)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{html}\n"
    pictures = embedded(html)
    assert pictures[:3] == [file.read_bytes() for file in (*two, jpeg)]
    last = Image.open(BytesIO(pictures[3]))
    assert last.format == "PNG"  # browsers show no TIFF
    assert np.array_equal(last, Image.open(tiff))


def test_compare_refuses_what_it_cannot_do_in_one_line(two, tmp_path):
    other = tmp_path / "other.png"
    Image.new("RGB", (41, 30)).save(other)
    html = tmp_path / "page.html"
    for files, words in (
        ([*two, other], ["41 x 30", "40 x 30", "other.png"]),
        ([two[0], tmp_path / "gone.png"], ["gone.png", "no such file"]),
    ):
        result = run("compare", *files, "-o", html)
        assert result.exit_code == 1
        assert all(word in result.stderr for word in words)
        assert len(result.stderr.strip().splitlines()) == 1
        assert not html.exists()
    assert run("compare", two[0], "-o", html).exit_code == 2


def test_compare_overwrites_when_told_to_and_an_input_never(two, tmp_path):
    html = tmp_path / "page.html"
    html.write_text("mine")
    assert run("compare", *two, "-o", html).exit_code == 1
    assert html.read_text() == "mine"
    assert run("compare", *two, "-o", html, "--overwrite").exit_code == 0
    assert "doctype" in html.read_text()
    before = two[1].read_bytes()
    assert run("compare", *two, "-o", two[1], "--overwrite").exit_code == 2  # no page's name
    assert two[1].read_bytes() == before
    assert run("compare", *two, "-o", html, html, "--overwrite").exit_code == 1


def test_the_heat_map_is_the_standard_deviation():
    stack = np.random.default_rng(0).integers(0, 256, (5, 150, 7, 3), dtype=np.uint8)
    heat = page._Heat()
    for pixels in stack:
        heat.add(pixels)
    witness = np.sqrt(stack.astype(float).var(0).mean(-1))
    assert heat.deviation() == pytest.approx(witness, abs=1e-3)


def test_a_heat_map_of_equals_says_so(two, tmp_path):
    run("compare", two[0], two[0], "-o", tmp_path / "page.html")
    assert about(tmp_path / "page.html")["pictures"][-1]["note"] == "there are none"


def test_large_pictures_are_reduced_for_the_page(two, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "LARGEST", 300)
    run("compare", *two, "-o", tmp_path / "page.html")
    told = about(tmp_path / "page.html")
    sizes = [Image.open(BytesIO(content)).size for content in embedded(tmp_path / "page.html")]
    assert set(sizes) == {(told["width"], told["height"])} == {(20, 15)}


def test_a_name_that_is_no_text_can_be_written(two, tmp_path):
    shown = [page.Shown("\udcff", picture.read(file), file) for file in two]
    page.write(tmp_path / "page.html", "\udcff", "", shown, mark="1 2")
    assert "<h1>?</h1>" in (tmp_path / "page.html").read_text("utf-8")
    assert page.marked(tmp_path / "page.html") == "1 2"


def test_transparency_and_profile_reach_the_page(tmp_path):
    about = picture.About(icc=b"\0" * 16 + b"RGB ")
    shown = picture.Picture(photograph(6, 8), np.full((6, 8), 99, np.uint8), False, about, ())
    page.write(tmp_path / "page.html", "", "", [page.Shown("one", shown)])
    [content] = embedded(tmp_path / "page.html")
    image = Image.open(BytesIO(content))
    assert image.mode == "RGBA"
    assert image.getpixel((3, 3))[3] == 99
    assert image.info["icc_profile"] == shown.about.icc


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if not browser.PROGRAM:
        pytest.skip("there is no chromium here (Debian: apt-get install chromium)")
    opened = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture
def seen(chromium, photo):
    """A gallery of three variants of a picture with an odd name, open in a browser."""
    odd = photo.rename(photo.with_name(ODD))
    result = run("upscale", odd, "--scale", 16, "--gallery", "--quiet")
    assert result.exit_code == 0, result.output
    chromium.screen(1000, 800)
    chromium.open(odd.with_name(f"{odd.stem}-x16.html"))
    chromium.screen(1000, 800)  # waits until it is drawn
    yield chromium
    assert chromium.complaints == []
    assert len(chromium.requests) > 8
    assert all(url.startswith(("data:", "file:")) for url in chromium.requests)
    assert sum(url.startswith("file:") for url in chromium.requests) == 1


WIPE = "document.getElementById('wipe')"
PAIR = "['left', 'right'].map(id => document.getElementById(id).selectedOptions[0].label)"
VIEWS = "[...new Set([...document.querySelectorAll('.layer img')].map(i => i.style.transform))]"
ZOOM = "parseInt(document.querySelector('#zoom output').textContent)"
CLIPS = "[...document.querySelectorAll('.layer:not([hidden])')].map(l => l.style.clipPath)"
STAGE = "(({x, y, width, height}) => [x, y, width, height])(stage.getBoundingClientRect())"


def hold(page, kind):
    page.ask("Input.dispatchKeyEvent", type=kind, key=" ", code="Space")


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="pipes of POSIX")
class TestInABrowser:
    def test_slider_moves_the_line_between_two(self, seen):
        assert seen.run(PAIR) == ["Input", "seed 0"]
        assert seen.run(CLIPS) == ["inset(0px 50% 0px 0px)", "inset(0px 0px 0px 50%)"]
        x, y, width, height = seen.run(STAGE)
        below = y + height + 22
        seen.drag((x + width / 2, below), (x + width / 4, below))
        assert seen.run(f"{WIPE}.valueAsNumber") == pytest.approx(25, abs=1)
        share = seen.run(f"{WIPE}.value")
        assert seen.run(CLIPS)[1] == f"inset(0px 0px 0px {share}%)"
        seen.drag((x + width / 4, y + height / 2), (x + 0.7 * width, y + height / 2))
        assert seen.run(f"{WIPE}.valueAsNumber") == pytest.approx(70, abs=1)

    def test_left_of_the_line_is_one_picture_and_right_of_it_the_other(self, chromium, tmp_path):
        colours = [(200, 30, 30), (20, 180, 40), (30, 40, 190)]
        for place, colour in enumerate(colours):
            Image.new("RGB", (90, 60), colour).save(tmp_path / f"{place}.png")
        html = tmp_path / "page.html"
        assert run("compare", *sorted(tmp_path.glob("?.png")), "-o", html).exit_code == 0
        chromium.screen(1000, 800)
        chromium.open(html)
        x, y, width, height = chromium.run(STAGE)

        def colour(share):
            shot = Image.open(BytesIO(chromium.picture())).convert("RGB")
            return shot.getpixel((int(x + share * width), int(y + height / 2)))

        chromium.screen(1000, 800)
        assert [colour(0.45), colour(0.55)] == colours[:2]
        chromium.key("3", "Digit3")
        chromium.key("ArrowRight")
        chromium.screen(1000, 800)
        assert [colour(0.51), colour(0.55)] == [colours[0], colours[2]]

        hold(chromium, "keyDown")
        assert [colour(0.4), colour(0.6)] == [colours[0], colours[0]]
        hold(chromium, "keyUp")
        assert [colour(0.4), colour(0.6)] == [colours[0], colours[2]]

    def test_zoom_and_pan_are_held_in_step(self, seen):
        x, y, width, height = seen.run(STAGE)
        centre = (x + width / 2, y + height / 2)
        fitting = seen.run(ZOOM)
        seen.wheel(*centre, -800)
        assert seen.run(ZOOM) > 1.5 * fitting
        [before] = seen.run(VIEWS)  # one view, of all pictures
        away = (x + 0.3 * width, centre[1])
        seen.drag(away, (away[0] + 50, away[1] + 20))
        [after] = seen.run(VIEWS)
        assert after != before
        seen.run("document.querySelector('[data-zoom=fit]').click()")
        assert seen.run(ZOOM) == fitting
        seen.run("document.querySelector('[data-zoom=in]').click()")
        assert seen.run(ZOOM) == pytest.approx(1.25 * fitting, abs=1)

    def test_keys(self, seen):
        fitting = seen.run(ZOOM)
        seen.key("ArrowRight")
        assert seen.run(f"{WIPE}.valueAsNumber") == 52
        seen.key("ArrowDown")
        assert seen.run(PAIR) == ["Input", "seed 1"]
        seen.key("3", "Digit3")
        seen.key("!", "Digit1", shift=True)
        assert seen.run(PAIR) == ["seed 0", "seed 2"]  # the third variant, the first
        seen.key("i")
        assert seen.run(PAIR) == ["Input", "seed 2"]
        for _ in range(4):
            seen.key("+")
        assert seen.run(ZOOM) == pytest.approx(1.25**4 * fitting, rel=0.01)
        [before] = seen.run(VIEWS)
        seen.key("ArrowRight", shift=True)
        assert seen.run(VIEWS) != [before]
        for _ in range(5):
            seen.key("-")
        assert seen.run(ZOOM) == fitting
        seen.key("+")
        seen.key("0")
        assert seen.run(ZOOM) == fitting

    def test_the_command_and_the_odd_name_are_shown_as_they_are(self, seen):
        assert seen.run("document.querySelector('h1').textContent") == ODD
        command = seen.run("document.querySelector('#more code').textContent")
        assert "--like 0 --spread 0.3" in command
        assert Path(shlex.split(command)[2]).name == ODD
        stage = seen.run(STAGE)
        seen.key("ArrowDown")
        seen.key("ArrowDown")
        seen.key("ArrowDown")
        assert seen.run(PAIR)[1] == "Differences"
        assert seen.run("getComputedStyle(more).visibility") == "hidden"  # nothing is like them
        assert seen.run(STAGE) == stage
        assert seen.run("document.querySelectorAll('script').length") == 2

    def test_where_the_two_that_are_shown_differ(self, chromium, tmp_path):
        pictures = [photograph(30, 40, seed) for seed in (0, 1)]
        pictures.append(pictures[0].copy())
        pictures[2][:, 20:, 1] ^= 64  # half of it, 64 apart in green
        for place, pixels in enumerate(pictures):
            Image.fromarray(pixels).save(tmp_path / f"{place}.png")
        run("compare", *sorted(tmp_path.glob("?.png")), "-o", tmp_path / "page.html")
        chromium.screen(1000, 800)
        chromium.open(tmp_path / "page.html")
        chromium.key("3", "Digit3")
        chromium.key("d")
        assert chromium.run("told.textContent") == (
            "0.png and 2.png: black equal, brightest 64 of 255 apart"
        )
        pixels = "[...heat.getContext('2d').getImageData({}, 5, 1, 1).data]"
        assert chromium.run(pixels.format(3)) == [0, 0, 4, 255]
        assert chromium.run(pixels.format(30)) == [252, 255, 164, 255]
        chromium.key("1", "Digit1")
        assert chromium.run("told.textContent") == "0.png and 0.png: equal"
        chromium.key("d")
        assert chromium.run("heat.hidden")
        assert chromium.complaints == []

    def test_all_at_once_zoomed_together(self, seen):
        seen.key("g")
        boxes = seen.run(
            "layers.filter(l => !l.hidden).map(l => l.getBoundingClientRect())"
            ".map(({x, y, width, height}) => [x, y, width, height].map(Math.round))"
        )
        assert len(boxes) == 4  # the input and three variants
        assert len({(width, height) for _, _, width, height in boxes}) == 1
        assert len({(x, y) for x, y, _, _ in boxes}) == 4
        small = seen.run(ZOOM)
        x, y, width, height = boxes[3]
        seen.wheel(x + width / 2, y + height / 2, -800)
        assert seen.run(ZOOM) > 1.5 * small
        assert len(seen.run(VIEWS)) == 1
        seen.key("g")
        assert seen.run(CLIPS) == ["inset(0px 50% 0px 0px)", "inset(0px 0px 0px 50%)"]

    def test_what_is_kept_is_a_list_of_files(self, seen):
        assert seen.run("kept.hidden")
        seen.key("2", "Digit2")
        seen.key("k")
        [file] = shlex.split(seen.run("kept.querySelector('code').textContent"))
        assert Path(file).is_file()
        assert file.endswith("-x16-1.png")
        seen.key("k")
        seen.key("x")
        assert seen.run("kept.querySelector('span').textContent") == "Not rejected:"
        files = shlex.split(seen.run("kept.querySelector('code').textContent"))
        assert [file[-5:] for file in files] == ["0.png", "2.png"]
        links = seen.run("[...document.querySelectorAll('#cards a')].map(a => a.href)")
        assert len(links) == 3
        assert all(url.startswith("file:") for url in links)

    def test_a_phone_on_its_side_shows_the_pictures_large(self, seen):
        seen.screen(844, 390, phone=True)
        assert seen.run("document.documentElement.scrollWidth") == 844
        assert seen.run("document.documentElement.scrollHeight") == 390
        _, _, width, height = seen.run(STAGE)
        assert width > 600
        assert height > 300

    @pytest.mark.parametrize("dark", [False, True])
    def test_a_phone_shows_it_without_scrolling_sideways(self, seen, dark):
        seen.screen(390, 844, phone=True, dark=dark)
        assert seen.run("document.documentElement.scrollWidth") == 390
        x, y, width, height = seen.run(STAGE)
        assert width > 350
        assert height > 350
        assert seen.run("getComputedStyle(document.body).backgroundColor") == (
            "rgb(22, 21, 20)" if dark else "rgb(246, 245, 243)"
        )
        fitting = seen.run(ZOOM)
        fingers = [{"x": x + width / 2 + side, "y": y + height / 2} for side in (-20, 20)]
        seen.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=fingers)
        apart = [
            {**one, "x": one["x"] + 40 * side} for one, side in zip(fingers, (-1, 1), strict=True)
        ]
        seen.ask("Input.dispatchTouchEvent", type="touchMove", touchPoints=apart)
        seen.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        assert seen.run(ZOOM) == pytest.approx(3 * fitting, rel=0.1)
        assert len(seen.run(VIEWS)) == 1


def test_a_page_asks_for_nothing_beyond_itself(two, tmp_path):
    run("compare", *two, "-o", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "default-src 'none'; img-src data:" in text
    assert "http:" not in text
    assert "https:" not in text
    assert b64encode(two[0].read_bytes()).decode() in text
