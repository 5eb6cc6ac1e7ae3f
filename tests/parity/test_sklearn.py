"""The transformer is what scikit-learn holds a transformer to be: its own suite of checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.validation import validate_data

from ferromics.sklearn import RadiomicsFeatures

# What the suite asks of the transformer itself, without a numeric X or before it looks at X.
WITHOUT_NUMBERS = (
    # parameters
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    # clone, representation, tags, inheritance
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_mixin_order",
    # output and feature names before fit
    "check_transformers_unfitted",
    "check_get_feature_names_out_error",
)

# All others feed arrays of numbers. They are run on `FromNumbers` below: those that the suite
# itself picks for a transformer, and these, which it keeps for scikit-learn's own transformers.
FOR_TRANSFORMERS = (
    "check_dataframe_column_names_consistency",
    "check_get_feature_names_out_error",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_inplace_ensure_writeable",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_transformer_preserve_dtypes",
)

# Left out: `check_array_api_input`, which runs only where SCIPY_ARRAY_API is set before SciPy is
# imported; `check_param_validation`, which is about scikit-learn's private declaration of
# parameters; those for what is no transformer (classifiers, regressors, clusterers, outlier
# detectors, sample weights, partial_fit, pairwise and stateless estimators).
LEFT_OUT = ("check_array_api_input",)


def as_images(numbers: Any) -> list[dict[str, Any]]:
    """Each row of numbers as the intensities of an image that is all region."""
    return [
        {"image": row[None, None], "mask": np.ones((1, 1, len(row)), bool), "spacing": (1, 1, 1)}
        for row in np.asarray(numbers, np.float64)
    ]


class FromNumbers(RadiomicsFeatures):
    """The transformer for the checks that feed numbers: it makes images of them."""

    def fit(self, X: Any, y: Any = None) -> FromNumbers:
        super().fit(as_images(validate_data(self, X)), y)
        validate_data(self, X, skip_check_array=True)  # sets the columns seen
        return self

    def transform(self, X: Any) -> Any:
        images = as_images(validate_data(self, X, reset=False))
        is_frame = isinstance(X, pd.DataFrame)
        return super().transform(pd.DataFrame(images, index=X.index) if is_frame else images)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


SMALL = {"features": ["stat"]}
PICKED = [
    check
    for _, check in estimator_checks.estimator_checks_generator(FromNumbers(SMALL))
    if check.func.__name__ not in LEFT_OUT
]


@pytest.mark.parametrize("check", WITHOUT_NUMBERS)
def test_the_checks_that_need_no_numbers_pass_by_name(check: str) -> None:
    getattr(estimator_checks, check)("RadiomicsFeatures", RadiomicsFeatures())


@pytest.mark.parametrize("check", PICKED, ids=lambda c: c.func.__name__)
def test_the_suite_passes_on_images_made_of_its_numbers(check: Any) -> None:
    check(FromNumbers(SMALL))


@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
@pytest.mark.parametrize("check", FOR_TRANSFORMERS)
def test_the_checks_of_scikit_learn_s_own_transformers_pass(check: str) -> None:
    getattr(estimator_checks, check)("FromNumbers", FromNumbers(SMALL))


def test_the_suite_picked_the_checks_that_matter() -> None:
    names = {check.func.__name__ for check in PICKED}
    assert len(names) >= 35
    assert {
        "check_estimators_pickle",
        "check_fit_idempotent",
        "check_methods_sample_order_invariance",
        "check_pipeline_consistency",
        "check_transformer_general",
    } <= names
