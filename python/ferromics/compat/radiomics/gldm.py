"""Dependence of grey levels."""

from __future__ import annotations

from ferromics.compat.radiomics import base


class RadiomicsGLDM(base.RadiomicsFeaturesBase):
    """Dependence of grey levels."""

    featureClass = "gldm"
