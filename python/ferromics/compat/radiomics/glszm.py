"""Zones of one grey level."""

from __future__ import annotations

from ferromics.compat.radiomics import base


class RadiomicsGLSZM(base.RadiomicsFeaturesBase):
    """Zones of one grey level."""

    featureClass = "glszm"
