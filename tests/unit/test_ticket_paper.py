"""Paper: every script that a name may be written in, and the same bytes for the same ticket."""

import io
from datetime import UTC, datetime

import pypdf
import pytest
import zxingcpp
from PIL import Image

from usher.plumbing.language import Languages
from usher.plumbing.shipped import shipped
from usher.ticket.paper import Fact, Sheet, picture, print_tickets

LANGUAGES = Languages(shipped("front") / "locale").known
CODE = "UT1:" + "ABC $%*+-./:019" * 11
STAMP = datetime(2026, 11, 1, 20, 15, tzinfo=UTC)


def a_sheet(name: str = "Ann", title: str = "An evening") -> Sheet:
    return Sheet(
        title=title,
        when="31 December 2026, 20:30",
        venue="Arena, Hamburg",
        hall="Great hall",
        seat=[Fact("Zone", "Stalls"), Fact("Row", "12"), Fact("Seat", "34")],
        facts=[Fact("Name", name), Fact("Category", "VIP"), Fact("Price", "€45.00")],
        ids=[Fact("Booking", "bkg_1"), Fact("Ticket", "tkt_1_2")],
        code=CODE,
    )


def printed(*sheets: Sheet, language: str = "en") -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(print_tickets(sheets, LANGUAGES[language], STAMP)))


def fonts_of(page: pypdf.PageObject) -> set[str]:
    found = page["/Resources"]["/Font"]  # type: ignore[index]
    return {str(each.get_object()["/BaseFont"]).partition("+")[2] for each in found.values()}


@pytest.mark.parametrize(
    ("name", "font"),
    [
        ("Jörg Müßig-Žižek", "NotoSans-Regular"),
        ("Ελένη Иванова", "NotoSans-Regular"),
        ("محمد عبد الله", "NotoSansArabic"),
        ("שרה לוי", "NotoSansHebrew"),
        ("王小明 田中さくら 김철수", "NotoSansCJKsc"),
        ("สมชาย", "NotoSansThai"),
        ("अमित", "NotoSansDevanagari"),
        ("Ann 🎻🎉", "NotoEmoji"),
    ],
    ids=["latin", "greek", "arabic", "hebrew", "cjk", "thai", "devanagari", "emoji"],
)
def test_a_name_is_set_in_its_script(name: str, font: str) -> None:
    (page,) = printed(a_sheet(name)).pages
    assert any(each.startswith(font) for each in fonts_of(page)), fonts_of(page)
    # A sign that no font has is drawn as its .notdef, which stands for no character.
    drawn = page.extract_text()
    assert set(name) - set(drawn) - {" "} == set() or font == "NotoSansArabic", drawn


def test_whatever_is_in_a_name_it_is_printed() -> None:
    odd = ["#show: none", '$x^2$ *b* `c` @d <e> \\ "', "\u202eevil\u2066", "\ue000\U0010ffff", "𓀀𒀀"]
    for each in [*odd, "x" * 200, "\u200d" * 50]:
        assert len(printed(a_sheet(each, title=each)).pages) == 1
    assert "#show: none" in printed(a_sheet("#show: none")).pages[0].extract_text()


def test_the_same_ticket_is_the_same_bytes() -> None:
    sheets = [a_sheet(), a_sheet("محمد")]
    first = print_tickets(sheets, LANGUAGES["ar"], STAMP)
    assert print_tickets(sheets, LANGUAGES["ar"], STAMP) == first
    assert print_tickets(sheets[:1], LANGUAGES["ar"], STAMP) != first


def test_a_page_a_ticket_tagged_and_titled() -> None:
    paper = printed(a_sheet(), a_sheet(), a_sheet(), language="de")
    assert len(paper.pages) == 3
    assert [round(float(each)) for each in paper.pages[0].mediabox[2:]] == [595, 842]
    assert paper.metadata is not None
    assert paper.metadata.title == "An evening"
    assert str(paper.root_object["/Lang"]) == "de"
    assert "/StructTreeRoot" in paper.root_object  # read out in order by who cannot see it
    assert "Einlass für eine Person" in paper.pages[2].extract_text()


def test_the_longest_of_everything_stays_on_its_page() -> None:
    long = a_sheet("N" * 24 + ("\u200b" + "N" * 24) * 4, title="Title " * 33)
    long.seat = [Fact("Zone", "Zone " * 40), Fact("Row", "R" * 24), Fact("Seat", "S" * 24)]
    assert len(printed(long).pages) == 1


def test_scanners_read_what_is_drawn() -> None:
    (image,) = printed(a_sheet()).pages[0].images
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(image.data)))
    assert found.text == CODE
    assert found.ec_level == "M"
    assert picture(CODE).startswith(b'<?xml version="1.0" encoding="utf-8"?>\n<svg')
