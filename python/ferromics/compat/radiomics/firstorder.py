"""Intensities, and the histogram of grey levels."""

from __future__ import annotations

from ferromics.compat.radiomics import base


class RadiomicsFirstOrder(base.RadiomicsFeaturesBase):
    """Intensities, and the histogram of grey levels."""

    featureClass = "firstorder"
