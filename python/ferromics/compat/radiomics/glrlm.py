"""Runs of one grey level."""

from __future__ import annotations

from ferromics.compat.radiomics import base


class RadiomicsGLRLM(base.RadiomicsFeaturesBase):
    """Runs of one grey level."""

    featureClass = "glrlm"
