"""Multispectral presentation attack detection, first form: RGB, 850 and 940 nm, one-class limits per region.

`plan` orders the exposures, `reflectance` turns them into relative reflectance, `regions` and `features` measure
places of the face, `decide.assess` gives the result, `facemap` draws it for the guard. Not responsible for capture, for
finding the face, nor for what the result means for the passage. All accuracy is simulated: see README.md.
"""
