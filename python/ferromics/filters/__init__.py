"""Image filters on numpy arrays (IBSI 2), and the transforms that PyRadiomics made common.

Arrays are (z, y, x), spacing is in mm in the same order; a response map has the image's shape.
Where a filter is named by axis (Laws' kernels, sub-bands of wavelets, orders of Riesz transforms),
the first name is for x, as in the IBSI manual. Lengths are in mm, angles in degrees. Inputs stay
untouched; they must not be written to during a call.

Arguments that most filters share:

dimension
    3 for the volume, 2 for each slice by itself. An image of one slice is an image like any other:
    a filter of the volume finds beyond it what `boundary` says.
boundary
    How the image goes on beyond its edge: ``"mirror"`` (the outermost voxel twice), ``"nearest"``,
    ``"periodic"``, ``"zero"``, or a number, the constant that stands there. Kernels may be larger
    than the image. ``"mirror"`` is the default but for filters that are defined by the frequencies
    of the image itself (:func:`simoncelli`, :func:`shannon`), whose default is ``"periodic"``.
pooling
    ``None`` for the filter as it stands; ``"max"``, ``"min"``, ``"mean"`` or ``"sum"`` of its
    responses over all rotations by right angles (24 in 3D, 4 in 2D), which makes it invariant to
    them. :func:`gabor` pools over its own orientations and planes.
dtype
    Precision to work in, and of the map: ``numpy.float64`` or ``numpy.float32``. Single precision
    takes half the memory. An image of another type is converted first.
threads
    Number of threads; ``None`` for ``FERROMICS_NUM_THREADS``, else all cores. Values do not depend
    on it.

Filters by Fourier transform (:func:`gabor`, :func:`simoncelli`, :func:`shannon`, :func:`riesz`)
take finite voxels only: one that is not would spread over all of the map.
"""

from ferromics.filters._convolution import gradient, laws, log, mean, wavelet, wavelets
from ferromics.filters._fourier import gabor, riesz, shannon, simoncelli
from ferromics.filters._patterns import lbp_2d, lbp_3d
from ferromics.filters._point import exponential, logarithm, square, square_root

__all__ = [
    "exponential",
    "gabor",
    "gradient",
    "laws",
    "lbp_2d",
    "lbp_3d",
    "log",
    "logarithm",
    "mean",
    "riesz",
    "shannon",
    "simoncelli",
    "square",
    "square_root",
    "wavelet",
    "wavelets",
]
