"""Folders of images and masks: patterns, words of masks, and the layout of BIDS."""

import json

import pytest

import ferromics as fm
from ferromics.cohort import folders, patterns
from ferromics.cohort.find import find_cases


def touch(folder, names):
    for name in names.split():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def found(folder, **options):
    """``case: image <- roi=mask ...`` of each case, names without the folder and suffixes."""

    def short(path):
        return path.removeprefix(f"{folder}/").removesuffix(".nii.gz")

    return [
        f"{c.name}: {short(c.image)} <- " + " ".join(f"{m.roi}={short(m.source)}" for m in c.masks)
        for c in find_cases(folder, **options).cases
    ]


def test_a_folder_a_case_is_read_without_a_pattern(tmp_path):
    touch(tmp_path, "P10/ct.nii.gz P10/gtv.nii.gz P2/ct.nii.gz P2/gtv.nii.gz P2/lung_mask.nii.gz")
    assert found(tmp_path) == [
        "P2: P2/ct <- gtv=P2/gtv lung_mask=P2/lung_mask",
        "P10: P10/ct <- gtv=P10/gtv",
    ]
    cohort = find_cases(tmp_path)
    assert dict(cohort.carried) == {"modality": "text"}
    assert cohort.cases[0].masks[0].carried == {"modality": "ct"}
    assert (cohort.folder, cohort.origin, cohort.notes) == (tmp_path, str(tmp_path), ())


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".NII"])
def test_any_suffix_of_an_image_is_found(tmp_path, suffix):
    touch(tmp_path, f"P1/ct{suffix} P1/seg{suffix} P1/notes.txt P1/ct.raw P1/._ct{suffix}")
    (case,) = find_cases(tmp_path).cases
    assert (case.image, case.masks[0].source) == tuple(
        str(tmp_path / "P1" / f"{name}{suffix}") for name in ("ct", "seg")
    )


def test_masks_of_a_case_are_of_all_its_images_unless_their_name_says_of_which(tmp_path):
    names = "ct pet gtv ct_mask pet-gtv_mask"
    touch(tmp_path, " ".join(f"P1/{name}.nii.gz" for name in names.split()))
    assert found(tmp_path) == [
        "P1: P1/ct <- mask=P1/ct_mask gtv=P1/gtv",
        "P1: P1/pet <- gtv=P1/gtv gtv_mask=P1/pet-gtv_mask",
    ]


def test_images_may_say_that_they_are_images(tmp_path):
    touch(
        tmp_path, " ".join(f"P1/{m}_{w}.nii.gz" for m in ("CT", "PET") for w in ("image", "mask"))
    )
    touch(tmp_path, "P2/image.nii.gz P2/mask.nii.gz")
    assert found(tmp_path) == [
        "P1: P1/CT_image <- mask=P1/CT_mask",
        "P1: P1/PET_image <- mask=P1/PET_mask",
        "P2: P2/image <- mask=P2/mask",
    ]


def test_one_modality_may_be_taken(tmp_path):
    touch(tmp_path, "P1/ct.nii.gz P1/pet.nii.gz P1/gtv.nii.gz P1/ct_mask.nii.gz")
    assert found(tmp_path, modality="PET") == ["P1: P1/pet <- gtv=P1/gtv"]
    assert find_cases(tmp_path, modality="pet").notes == ()
    assert found(tmp_path, modality="ct_mask") == ["P1: P1/ct_mask <- gtv=P1/gtv"]
    with pytest.raises(fm.InputError, match="no image of modality 'mr'; there are ct, pet"):
        find_cases(tmp_path, modality="mr")
    with pytest.raises(fm.InputError, match=r"needs \{modality\} in the pattern"):
        find_cases(tmp_path, pattern="{case}/ct.nii.gz", modality="ct")


@pytest.mark.parametrize(
    ("pattern", "names", "expected"),
    [
        ("{case}.nii.gz", "P1 P1_gtv P2 P2_gtv", ["P1: P1 <- gtv=P1_gtv", "P2: P2 <- gtv=P2_gtv"]),
        (
            "{case}_{modality}",
            "A_1_ct A_1_gtv A_2_ct A_2_ct_mask",
            ["A_1: A_1_ct <- gtv=A_1_gtv", "A_2: A_2_ct <- mask=A_2_ct_mask"],
        ),
        (
            "{kind}/{case}/{name}",
            "images/a/ct images/a/pet masks/a/ct masks/a/pet_seg images/b/ct_img masks/b/ct_seg",
            [
                "a: images/a/ct <- masks=masks/a/ct",
                "a: images/a/pet <- pet_seg=masks/a/pet_seg",
                "b: images/b/ct_img <- ct_seg=masks/b/ct_seg",
            ],
        ),
        (
            "{kind}/{case}.nii.gz",
            "imagesTr/a imagesTr/b labelsTr/a labelsTr/b",
            ["a: imagesTr/a <- labelsTr=labelsTr/a", "b: imagesTr/b <- labelsTr=labelsTr/b"],
        ),
        (
            "{case}/{session}/{modality}",
            "P1/s1/ct P1/s1/gtv P1/s2/ct P1/s2/gtv",
            ["P1: P1/s1/ct <- gtv=P1/s1/gtv", "P1: P1/s2/ct <- gtv=P1/s2/gtv"],
        ),
        ("**/{case}/{modality}.*", "x/y/P1/ct x/y/P1/gtv", ["P1: x/y/P1/ct <- gtv=x/y/P1/gtv"]),
        (
            "{case}/{case}_{modality}",
            "P1/P1_ct P1/P2_ct P1/P1_seg",
            ["P1: P1/P1_ct <- seg=P1/P1_seg"],
        ),
        (
            "site?/{case}/*_{m}",
            "site1/P/a_ct site1/P/b_roi",
            ["P: site1/P/a_ct <- roi=site1/P/b_roi"],
        ),
        ("{case}/{m}", "SEG-001/ct SEG-001/gtv", ["SEG-001: SEG-001/ct <- gtv=SEG-001/gtv"]),
    ],
)
def test_one_pattern_may_find_images_and_masks(tmp_path, pattern, names, expected):
    touch(tmp_path, " ".join(f"{name}.nii.gz" for name in names.split()))
    assert found(tmp_path, pattern=pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "mask_pattern", "names", "expected"),
    [
        (
            "{case}/{modality}.nii.gz",
            "{case}/masks/{roi}.nii.gz",
            "P1/ct P1/pet P1/masks/liver P1/masks/spleen",
            [f"P1: P1/{m} <- liver=P1/masks/liver spleen=P1/masks/spleen" for m in ("ct", "pet")],
        ),
        (
            "{case}/{modality}",
            "{case}/{modality}_tumour",
            "P1/ct P1/pet P1/ct_tumour P1/pet_tumour",
            [f"P1: P1/{m} <- tumour=P1/{m}_tumour" for m in ("ct", "pet")],
        ),
        (
            "images/{case}",
            "labels/{case}",
            "images/a images/b labels/a labels/b",
            ["a: images/a <- labels=labels/a", "b: images/b <- labels=labels/b"],
        ),
        (
            "{case}/ct",
            "{case}/{rater}/gtv",
            "P1/ct P1/anna/gtv P1/bert/gtv",
            ["P1: P1/ct <- gtv-anna=P1/anna/gtv gtv-bert=P1/bert/gtv"],
        ),
        (
            "{case}/roi_ct",
            "atlas/{roi}",
            "P1/roi_ct atlas/brain",
            ["P1: P1/roi_ct <- brain=atlas/brain"],
        ),
    ],
)
def test_masks_may_have_a_pattern_of_their_own(tmp_path, pattern, mask_pattern, names, expected):
    touch(tmp_path, " ".join(f"{name}.nii.gz" for name in names.split()))
    assert found(tmp_path, pattern=pattern, mask_pattern=mask_pattern) == expected


def test_fields_of_both_patterns_go_through(tmp_path):
    touch(tmp_path, "P1/1/ct.nii.gz P1/1/anna_gtv.nii.gz")
    options = {"pattern": "{case}/{visit}/ct", "mask_pattern": "{case}/{visit}/{rater}_{roi}"}
    cohort = find_cases(tmp_path, **options, label="all")
    assert cohort.cases[0].masks[0].carried == {"visit": "1", "rater": "anna"}
    assert cohort.cases[0].masks[0].label == "all"


def test_masks_may_lie_in_another_folder(tmp_path):
    touch(tmp_path, "ct/P1.nii.gz other/P1_gtv.nii.gz")
    for mask_pattern in ("../other/{case}_gtv", f"{tmp_path}/other/{{case}}_gtv"):
        (case,) = find_cases(tmp_path / "ct", pattern="{case}", mask_pattern=mask_pattern).cases
        assert (case.masks[0].roi, case.masks[0].source) == (
            "gtv",
            str(tmp_path / "other" / "P1_gtv.nii.gz"),
        )


def test_a_relative_folder_gives_paths_that_hold_elsewhere(tmp_path, monkeypatch):
    touch(tmp_path, "data/P1/ct.nii.gz data/P1/gtv.nii.gz here/x")
    monkeypatch.chdir(tmp_path / "here")
    cohort = find_cases("../data")
    assert cohort.folder == tmp_path / "data"
    assert cohort.cases[0].image == str(tmp_path / "data" / "P1" / "ct.nii.gz")


def test_a_mask_is_never_taken_for_an_image(tmp_path):
    touch(tmp_path, "P1/ct.nii.gz P1/gtv.nii.gz P1/ctv.nii.gz")
    options = {"pattern": "{case}/{modality}", "mask_pattern": "{case}/gtv.nii.gz"}
    assert found(tmp_path, **options) == ["P1: P1/ct <- gtv=P1/gtv"]
    assert find_cases(tmp_path, **options).notes == (
        "1 mask has no image and is not used: P1/ctv.nii.gz",
    )


def test_what_is_left_over_is_noted(tmp_path):
    touch(tmp_path, "P1/ct.nii.gz P1/gtv.nii.gz " + " ".join(f"Q{k}/ct.nii.gz" for k in range(4)))
    touch(tmp_path, "R1/gtv.nii.gz")
    assert find_cases(tmp_path).notes == (
        "4 images have no mask and are not used: Q0/ct.nii.gz, Q1/ct.nii.gz, Q2/ct.nii.gz, ...",
        "1 mask has no image and is not used: R1/gtv.nii.gz",
    )


@pytest.mark.parametrize(
    ("names", "options", "told"),
    [
        (
            "",
            {},
            r"no file is named as '\{case\}/\{modality\}' with \.nii\.gz, .*; it holds no files",
        ),
        (
            "a/b/1.dcm a/b/2.dcm a/b/10.dcm a/b/11.dcm",
            {},
            r"there are a/b/1\.dcm, a/b/2\.dcm, a/b/10\.dcm\. Say how .*--pattern",
        ),
        ("P1/ct.nii.gz P1/t1.nii.gz", {}, r"no mask of an image: .* has a mask's word \(mask, "),
        ("P1/gtv.nii.gz", {}, r"no image; there are P1/gtv\.nii\.gz"),
        ("P1/ct.nii.gz P2/gtv.nii.gz", {}, "no image and mask that share case; there are"),
        (
            "P1/ct.nii.gz",
            {"mask_pattern": "{case}/m.nii.gz"},
            r"no file is named as '\{case\}/m\.nii\.gz'; there are P1/ct\.nii\.gz",
        ),
    ],
)
def test_a_folder_without_a_case_is_told_with_what_was_looked_for(tmp_path, names, options, told):
    with pytest.raises(fm.InputError, match=told) as error:
        find_cases(touch(tmp_path, names), **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"pattern": "{case/x"}, "a brace without its other one"),
        ({"pattern": "{case}/{}"}, "a field's name is letters"),
        ({"pattern": "{case}/{a b}"}, r"got \{a b\}"),
        ({"pattern": "*/ct"}, r"does not say where a case's name stands; put \{case\}"),
        ({"pattern": "{case}/{value}"}, "the pattern has 'value'.*rename it"),
        ({"pattern": "{case}/ct", "mask_pattern": "{patient}/gtv"}, "share no field"),
    ],
)
def test_patterns_that_cannot_work_are_refused(tmp_path, options, told):
    with pytest.raises(fm.InputError, match=told):
        find_cases(touch(tmp_path, "P1/ct.nii.gz"), **options)


def test_links_that_lead_back_up_do_not_loop(tmp_path):
    touch(tmp_path, "P1/ct.nii.gz P1/gtv.nii.gz")
    (tmp_path / "P1" / "up").symlink_to(tmp_path)
    assert len(patterns.find(tmp_path, "**/{name}")) == 2


def test_every_word_of_a_mask_makes_one():
    assert all(map(folders.says_mask, (*folders.MASK_WORDS, *folders.MASK_STARTS)))
    assert folders.says_mask("CT-GTVn2 final")
    assert not any(map(folders.says_mask, ("ct", "t1_segmented", "unlabelled", "maskless")))


# BIDS


def bids(folder, names, description=None, **sidecars):
    touch(folder, names)
    (folder / "dataset_description.json").write_text(json.dumps(description or {"Name": "x"}))
    return folder


RAW = "sub-01/anat/sub-01_T1w.nii.gz sub-01/anat/sub-01_T2w.nii.gz "


def test_masks_of_derivatives_belong_to_the_images_of_the_subject(tmp_path):
    masks = "derivatives/manual/sub-01/anat/sub-01_label-tumour_mask.nii.gz"
    place = "derivatives/manual/sub-01/anat/sub-01_label-tumour_mask"
    assert found(bids(tmp_path, RAW + masks)) == [
        f"sub-01: sub-01/anat/sub-01_T1w <- tumour={place}",
        f"sub-01: sub-01/anat/sub-01_T2w <- tumour={place}",
    ]
    cohort = find_cases(tmp_path, modality="t1w")
    assert [c.masks[0].carried for c in cohort.cases] == [{"modality": "T1w", "subject": "01"}]


def test_sessions_make_cases_and_go_through(tmp_path):
    names = " ".join(
        f"{root}sub-1/ses-{s}/anat/sub-1_ses-{s}_{end}.nii.gz"
        for s in (10, 2)
        for root, end in (("", "T1w"), ("derivatives/m/", "dseg"))
    )
    cohort = find_cases(bids(tmp_path, names))
    assert [c.name for c in cohort.cases] == ["sub-1_ses-2", "sub-1_ses-10"]
    assert dict(cohort.cases[0].masks[0].carried) == {
        "modality": "T1w",
        "subject": "1",
        "session": "2",
    }


def test_a_segmentation_has_all_labels_unless_some_are_given(tmp_path):
    bids(tmp_path, "sub-1/anat/sub-1_T1w.nii.gz sub-1/anat/sub-1_dseg.nii.gz")
    touch(tmp_path, "sub-1/anat/sub-1_desc-brain_mask.nii.gz sub-1/anat/sub-1_probseg.nii.gz")

    def labels(**options):
        (case,) = find_cases(tmp_path, **options).cases
        return {m.roi: (m.label, m.threshold) for m in case.masks}

    assert labels() == {"brain": (None, None), "dseg": ("all", None)}
    assert labels(label=(1, 2)) == {"brain": (None, None), "dseg": ((1, 2), None)}
    assert labels(mask_threshold=0.5) == {"brain": (None, 0.5), "dseg": (None, 0.5)}


def test_images_beside_the_mask_win_over_raw_ones(tmp_path):
    place = "derivatives/p/sub-01/anat/sub-01_desc-"
    bids(tmp_path, f"{RAW} {place}preproc_T1w.nii.gz {place}brain_mask.nii.gz")
    assert found(tmp_path) == [f"sub-01: {place}preproc_T1w <- brain={place}brain_mask"]
    assert "2 images have no mask" in find_cases(tmp_path).notes[0]


def test_a_mask_in_another_space_is_of_the_image_in_that_space(tmp_path):
    place = "derivatives/p/sub-01/anat/sub-01_"
    names = f"{RAW} {place}space-MNI_T1w.nii.gz {place}space-MNI_mask.nii.gz"
    names += f" {place}space-orig_label-L_mask.nii.gz {place}T1w.nii.gz"
    assert found(bids(tmp_path, names)) == [
        f"sub-01: {place}T1w <- L={place}space-orig_label-L_mask",
        f"sub-01: {place}space-MNI_T1w <- mask={place}space-MNI_mask",
    ]


def test_entities_that_both_have_must_agree(tmp_path):
    names = [f"sub-1/anat/sub-1_run-{r}_T1w" for r in (1, 2)]
    names += [f"derivatives/m/sub-1/anat/sub-1_run-{r}_label-x_mask" for r in (1, 2)]
    names += ["derivatives/m/sub-1/anat/sub-1_label-y_mask", "sub-1/pet/sub-1_pet"]
    bids(tmp_path, " ".join(f"{n}.nii.gz" for n in names))
    first, second = find_cases(tmp_path).cases
    assert [[m.roi for m in c.masks] for c in (first, second)] == [["y", "x"], ["y", "x"]]
    assert [c.masks[0].carried["run"] for c in (first, second)] == ["1", "2"]


def test_masks_of_one_resolution_are_of_the_image_of_that_resolution(tmp_path):
    place = "sub-1/anat/sub-1_space-MNI_res-"
    names = [f"{place}{r}_{end}.nii.gz" for r in ("hi", "lo") for end in ("T1w", "mask")]
    assert found(bids(tmp_path, " ".join(names))) == [
        f"sub-1: {place}{r}_T1w <- mask={place}{r}_mask" for r in ("hi", "lo")
    ]


@pytest.mark.parametrize(
    ("sidecar", "told", "links"),
    [
        ("sub-01_label-x_mask.json", {"Sources": ["bids:raw:sub-01/anat/sub-01_T2w.nii.gz"]}, 1),
        ("sub-01_label-x_mask.json", {"Sources": ["bids:raw:sub-01/anat/sub-01_T2w.nii.gz"]}, 0),
        ("sub-01_label-x_mask.json", {"RawSources": ["sub-01/anat/sub-01_T2w.nii.gz"]}, 0),
        ("sub-01_mask.json", {"SpatialReference": "bids:raw:sub-01/anat/sub-01_T2w.nii.gz"}, 1),
        (
            "../../label-x_mask.json",
            {"SpatialReference": {"VolumeReference": "sub-01/anat/sub-01_T2w.nii.gz"}},
            0,
        ),
    ],
)
def test_the_masks_metadata_decide_of_which_image_it_is(tmp_path, sidecar, told, links):
    place = "derivatives/m/sub-01/anat"
    bids(tmp_path, f"{RAW} {place}/sub-01_label-x_mask.nii.gz")
    bids(tmp_path / "derivatives" / "m", "", {"DatasetLinks": {"raw": "../.."} if links else {}})
    (tmp_path / place / sidecar).write_text(json.dumps(told))
    expected = [f"sub-01: sub-01/anat/sub-01_T2w <- x={place}/sub-01_label-x_mask"]
    assert found(tmp_path) == expected


def test_sources_in_another_space_do_not_decide(tmp_path):
    place = "derivatives/p/sub-01/anat/sub-01_space-MNI_"
    bids(tmp_path, f"{RAW} {place}T1w.nii.gz {place}mask.nii.gz")
    (tmp_path / f"{place}mask.json").write_text('{"Sources": ["sub-01/anat/sub-01_T1w.nii.gz"]}')
    assert found(tmp_path) == [f"sub-01: {place}T1w <- mask={place}mask"]


@pytest.mark.parametrize("key", ["Sources", "RawSources"])
@pytest.mark.parametrize("raw", ["", RAW])
def test_a_mask_made_of_a_raw_image_is_of_the_processed_one_beside_it(tmp_path, key, raw):
    place = "derivatives/p/sub-01/anat/sub-01_desc-"
    bids(
        tmp_path,
        f"{raw} {place}preproc_T1w.nii.gz {place}preproc_T2w.nii.gz {place}brain_mask.nii.gz",
    )
    told = {key: ["bids:raw:sub-01/anat/sub-01_T1w.nii.gz"]}
    (tmp_path / f"{place}brain_mask.json").write_text(json.dumps(told))
    direct = key == "Sources" and raw  # that is said to be the image itself
    image = "sub-01/anat/sub-01_T1w" if direct else f"{place}preproc_T1w"
    assert found(tmp_path) == [f"sub-01: {image} <- brain={place}brain_mask"]


def test_indices_agree_whatever_zeros_they_begin_with(tmp_path):
    names = [f"sub-1/func/sub-1_task-a_run-{end}" for end in ("1_boldref", "2_boldref", "1_mask")]
    bids(tmp_path, " ".join(f"{name}.nii.gz" for name in names))
    told = '{"RawSources": ["sub-1/func/sub-1_task-a_run-01_boldref.nii.gz"]}'
    (tmp_path / f"{names[2]}.json").write_text(told)
    assert found(tmp_path) == [f"sub-1: {names[0]} <- mask={names[2]}"]


def test_entities_of_the_mask_do_not_go_through_as_the_images(tmp_path):
    place = "sub-1/anat/sub-1_"
    bids(tmp_path, f"{place}T1w.nii.gz {place}desc-x_T1w.nii.gz {place}desc-b_mask.nii.gz")
    cohort = find_cases(tmp_path)
    assert [c.masks[0].carried["desc"] for c in cohort.cases] == [None, "x"]


def test_a_mask_of_an_image_that_is_not_here_is_of_no_other(tmp_path):
    bids(tmp_path, f"{RAW} sub-01/anat/sub-01_label-a_mask.nii.gz sub-01/anat/sub-01_mask.nii.gz")
    told = '{"Sources": ["bids::sub-01/anat/sub-01_FLAIR.nii.gz"]}'
    (tmp_path / "sub-01/anat/sub-01_label-a_mask.json").write_text(told)
    cohort = find_cases(tmp_path)
    assert [[m.roi for m in c.masks] for c in cohort.cases] == [["mask"], ["mask"]]
    assert cohort.notes == (
        "1 mask has no image and is not used: sub-01/anat/sub-01_label-a_mask.nii.gz",
    )


def test_a_data_set_of_derivatives_alone_finds_the_raw_one_around_it(tmp_path):
    bids(tmp_path, RAW)
    inner = bids(tmp_path / "derivatives" / "m", "sub-01/anat/sub-01_mask.nii.gz")
    assert len(find_cases(inner).cases) == 2


def test_masks_whose_regions_would_share_a_name_are_told_apart(tmp_path):
    place = "sub-1/anat/sub-1_"
    bids(
        tmp_path,
        f"{place}T1w.nii.gz {place}label-L_desc-a_mask.nii.gz {place}label-L_desc-b_mask.nii.gz",
    )
    (case,) = find_cases(tmp_path).cases
    assert [m.roi for m in case.masks] == ["L-a", "L-b"]


@pytest.mark.parametrize(
    ("names", "options", "told"),
    [
        ("", {}, "is a BIDS data set without sub-"),
        (RAW, {}, r"without \*_mask\.nii\.gz or \*_dseg\.nii\.gz; there are sub-01/anat"),
        (RAW, {"modality": "pet"}, "no image of modality 'pet'; there are T1w, T2w"),
        (
            RAW + "sub-02/anat/sub-02_mask.nii.gz",
            {},
            "none of 1 masks .*subject, session and space",
        ),
    ],
)
def test_a_data_set_without_a_case_is_told_with_what_was_looked_for(tmp_path, names, options, told):
    with pytest.raises(fm.InputError, match=told):
        find_cases(bids(tmp_path, names), **options)


def test_metadata_that_cannot_be_read_are_named(tmp_path):
    bids(tmp_path, f"{RAW} sub-01/anat/sub-01_mask.nii.gz")
    (tmp_path / "sub-01/anat/sub-01_mask.json").write_text("{")
    with pytest.raises(fm.InputError, match=r"sub-01_mask\.json is not readable as JSON"):
        find_cases(tmp_path)


def test_a_pattern_reads_a_data_set_by_its_names_alone(tmp_path):
    bids(tmp_path, f"{RAW} sub-01/anat/sub-01_mask.nii.gz")
    pattern = "{case}/anat/{case}_{modality}.nii.gz"
    assert len(find_cases(tmp_path, pattern=pattern).cases) == 2
