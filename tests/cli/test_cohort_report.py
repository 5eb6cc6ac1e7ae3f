"""``ferromics report`` as a process: what the page says, every format of table, one-line errors."""

import dataclasses
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

import ferromics as fm
from ferromics.cohort import report, report_table

FORMATS = [".csv", ".tsv", ".parquet", ".feather", ".arrow", ".jsonl"]
VOID = {"meta", "input", "img", "wbr", "br"}


class Page(HTMLParser):
    """Checks that elements close, and keeps text, ids, links and sources."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.ids, self.links, self.sources = [], [], [], [], []
        self.names = set()
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.names.add(tag)
        if "id" in given:
            self.ids.append(given["id"])
        target = given.get("href") or given.get("src")
        if target:
            (self.links if tag == "a" else self.sources).append(target)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def page(cli, fake_cohort):
    table = fake_cohort.write("features.parquet")
    done = cli("report", table, "-o", fake_cohort.folder / "report.html")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return Page((fake_cohort.folder / "report.html").read_text("utf-8"))


def one_line(done):
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_the_page_stands_alone(page):
    assert "script" not in page.names
    assert page.sources
    assert all(source.startswith("data:image/") for source in page.sources)
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_the_head_says_how_many_are_done_and_where_they_come_from(page, fake_cohort):
    assert "10 of 12 cases done" in page.words
    assert "2 cases failed" in page.words
    assert f"Settings {fake_cohort.settings.hash} Computed with ferromics 0.1.0" in page.words
    assert "Cases from from cases.csv; count 12" in page.words


def test_failures_have_their_reason_and_lead_to_the_picture(page):
    assert re.search(r"1 region : mask \S+P03.nii.gz: no such file P03 · gtv", page.words)
    assert re.search(r"1 region : mask \S+P05.nii.gz is empty: no voxel is set P05", page.words)
    assert page.links.count("#r3") == 1
    assert "no such mask file: masks/P03.nii.gz" in page.words


def test_a_wrong_mask_stands_out_and_is_shown_first(page):
    assert "1 region stands out from the others" in page.words
    assert page.links.count("#r7") == 1
    cards = [int(key[1:]) for key in page.ids if re.fullmatch(r"r\d+", key)]
    assert cards == [3, 5, 7, 0, 1, 2, 4, 6, 8, 9, 10, 11]
    assert "site A; age 50" in page.words


def test_features_and_their_clusters_are_there(page, fake_cohort):
    assert f"{len(fake_cohort.columns)} features of 10 regions." in page.words
    assert "Spearman's rho between" in page.words
    assert "original_ morph_ volume_ mesh mm^3" in page.words


@pytest.mark.parametrize("long", [False, True], ids=["wide", "long"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_says_the_same(fake_cohort, suffix, long):
    expected = report_table.read(fake_cohort.write("first.parquet"))
    read = report_table.read(fake_cohort.write(f"same{suffix}", long=long))
    assert read.rows == expected.rows
    assert read.features == expected.features
    np.testing.assert_array_equal(read.values, expected.values)
    assert read.measures.keys() == expected.measures.keys()
    for name, values in read.measures.items():
        np.testing.assert_array_equal(values, expected.measures[name])
    assert read.provenance == expected.provenance
    for row, given in zip(read.rows, fake_cohort.rows, strict=True):
        assert (row.case, row.error) == (given["case"], given["case_error"])
        assert row.carried == {"site": given["site"], "age": str(given["age"])}
        if row.done:
            assert row.label == 1
            computed = [given[feature.column] for feature in read.features]
            np.testing.assert_array_equal(read.values[row.number], computed)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_regions_of_one_name_are_told_apart_by_what_they_carry(fake_cohort, suffix):
    twins = dataclasses.replace(fake_cohort, rows=[dict(row) for row in fake_cohort.rows[:2]])
    twins.rows[1]["case"] = twins.rows[0]["case"]
    read = report_table.read(twins.write(f"twins{suffix}", long=True))
    for row, given in zip(read.rows, twins.rows, strict=True):
        computed = [given[feature.column] for feature in read.features]
        np.testing.assert_array_equal(read.values[row.number], computed)
    twins.rows[1].update(site="A", age=50)
    path = twins.write(f"twins{suffix}", long=True)
    with pytest.raises(fm.InputError, match="have the same case and roi; use the wide table"):
        report_table.read(path)


def test_a_sample_is_stated_and_holds_what_stands_out(cli, fake_cohort):
    done = cli("report", fake_cohort.write("few.csv"), "-o", "-", "--slices", "5")
    found = Page(done.stdout)
    assert (
        "A sample: 5 of 12 regions; 1 that stand out, 2 that failed, 2 of 9 others, evenly spread "
        "over the table."
    ) in found.words
    assert [key for key in found.ids if re.fullmatch(r"r\d+", key)] == [
        "r3",
        "r5",
        "r7",
        "r0",
        "r11",
    ]


def test_images_that_are_gone_leave_a_box_and_a_warning(cli, fake_cohort, tmp_path):
    table = fake_cohort.write("alone.parquet")
    for path in (table, table.with_name("alone.provenance.json")):
        shutil.copy(path, tmp_path)
    done = cli("report", "alone.parquet", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == (
        "ferromics: warning: 12 of 12 regions have no picture: no image was readable\n"
    )
    found = Page((tmp_path / "report.html").read_text("utf-8"))
    assert found.words.count("No such file: ct/") == 12


def test_a_table_without_provenance_finds_images_beside_it(cli, fake_cohort):
    table = fake_cohort.write("lonely.csv")
    table.with_name("lonely.provenance.json").unlink()
    done = cli("report", table, "-o", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Not stored here." in done.stdout


def test_too_few_regions_say_why_there_are_no_clusters(cli, fake_cohort):
    table = fake_cohort.write("short.csv")
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:4]))
    words = Page(cli("report", table, "-o", "-", "--slices", "0").stdout).words
    assert "There are 3 regions with features; a rank correlation needs at least 5." in words
    assert "Not judged: that needs at least 8 regions" in words


def test_a_cohort_that_failed_as_a_whole_has_a_page(cli, fake_cohort):
    table = fake_cohort.write("failed.csv")
    lines = table.read_text().splitlines(keepends=True)
    table.write_text(lines[0] + lines[4])
    words = Page(cli("report", table, "-o", "-").stdout).words
    assert "0 of 1 case done" in words
    assert "no such file" in words


def test_a_text_of_a_case_is_never_markup(cli, fake_cohort):
    table = fake_cohort.write("markup.csv")
    table.write_text(table.read_text().replace("P04", "<b>&P04"))
    done = cli("report", table, "-o", "-", "--slices", "0")
    assert "<b>" not in done.stdout
    Page(done.stdout)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.csv"], "none.csv: no such file"),
        (["."], "is a folder; name the table"),
        (["notes.txt"], "cannot tell the format of notes.txt"),
        (["other.csv"], "other.csv is no table that `ferromics batch` wrote: it has no column roi"),
        (["empty.csv"], "empty.csv is empty"),
        (["norows.csv"], "norows.csv has no rows"),
        (["torn.parquet"], "torn.parquet could not be read"),
        (["torn.jsonl"], "torn.jsonl could not be read"),
        (["long.csv"], "long.cases.csv, which says more of its cases, is missing"),
        (["norows.csv", "-o", "page.pdf"], "page.pdf must end in .html"),
        (["norows.csv", "-o", "none/page.html"], "no folder none"),
        (["norows.csv", "--slices", "-1"], "--slices"),
    ],
)
def test_mistakes_are_told_in_one_line(cli, fake_cohort, tmp_path, arguments, words):
    head = fake_cohort.write("head.csv").read_text().splitlines()[0]
    for name, text in {
        "notes.txt": "",
        "other.csv": "case,x\nP1,2\n",
        "empty.csv": "",
        "norows.csv": head + "\n",
        "torn.parquet": "PAR1",
        "torn.jsonl": '{"case": "P1",\n',
        "long.csv": "case,roi,image,family,feature,value\nP1,gtv,original,stat,mean,2\n",
    }.items():
        (tmp_path / name).write_text(text)
    assert words in one_line(cli("report", *arguments, cwd=tmp_path))


def test_a_package_that_is_missing_is_named_with_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name != "scipy" or None)
    with pytest.raises(ImportError, match=r"needs scipy: pip install 'ferromics\[report\]'"):
        report.check_packages()
