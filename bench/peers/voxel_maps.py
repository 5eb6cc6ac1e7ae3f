"""Times voxel-based extraction by PyRadiomics' API in its own interpreter, or by ferromics' layer.

``voxel_maps.py pyradiomics|ferromics`` reads one JSON request a line: image, mask, parameters,
and a file for the maps; and answers with the seconds that `execute` took.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import SimpleITK as sitk

if sys.argv[1] == "ferromics":
    from ferromics.compat import radiomics
    from ferromics.compat.radiomics import featureextractor
else:
    import radiomics
    import radiomics.base
    from radiomics import featureextractor

    class Unseen:
        """What voxel mode needs: the package's own does not take what it is given."""

        def __init__(self, iterable=(), desc="", total=None):
            self.iterable = iterable

        def __iter__(self):
            return iter(self.iterable)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n=1):
            """Show nothing."""

    radiomics.base.getProgressReporter = Unseen


def main() -> None:
    """Answer requests until there are no more."""
    radiomics.setVerbosity(60)
    for line in sys.stdin:
        asked = json.loads(line)
        extractor = featureextractor.RadiomicsFeatureExtractor(
            asked["parameters"], additionalInfo=False
        )
        begin = time.perf_counter()
        found = extractor.execute(asked["image"], asked["mask"], voxelBased=True)
        seconds = time.perf_counter() - begin
        if asked["maps"]:
            arrays = {
                name: sitk.GetArrayFromImage(value)
                for name, value in found.items()
                if isinstance(value, sitk.Image)
            }
            np.savez(asked["maps"], **arrays)
        sys.stdout.write(json.dumps(seconds) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
