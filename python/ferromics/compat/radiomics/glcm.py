"""Co-occurrence of grey levels."""

from __future__ import annotations

from ferromics.compat.radiomics import base


class RadiomicsGLCM(base.RadiomicsFeaturesBase):
    """Co-occurrence of grey levels."""

    featureClass = "glcm"
