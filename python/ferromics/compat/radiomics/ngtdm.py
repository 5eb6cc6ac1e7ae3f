"""Differences to the mean of the neighbourhood."""

from __future__ import annotations

from ferromics.compat.radiomics import base


class RadiomicsNGTDM(base.RadiomicsFeaturesBase):
    """Differences to the mean of the neighbourhood."""

    featureClass = "ngtdm"
