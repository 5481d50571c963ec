"""Absorption coefficients in 1/cm of what tissue, hair and plastics are made of, float32[261] each.

Compact tables of published figures; between the points the logarithm is straight.
"""

from __future__ import annotations

import numpy as np

from hil.scene.optics.grid import F32, WAVELENGTHS, bands, f32, log_curve

# Segelstein 1981 (complex refractive index of water), mu_a = 4 pi k / lambda, from refractiveindex.info (CC0).
_WATER = (
    (400, 0.0005), (440, 0.00027), (480, 0.00019), (520, 0.00038), (580, 0.00098), (600, 0.00203), (650, 0.00323),
    (690, 0.00482), (710, 0.0090), (730, 0.0202), (750, 0.0261), (770, 0.0248), (800, 0.0196), (820, 0.0247),
    (840, 0.0371), (860, 0.0494), (880, 0.0583), (900, 0.0682), (910, 0.0790), (920, 0.1119), (930, 0.1936),
    (940, 0.2933), (950, 0.3833), (960, 0.4408), (970, 0.4531), (980, 0.4371), (1000, 0.3770), (1020, 0.2932),
    (1040, 0.2039), (1050, 0.1692), (1070, 0.1486), (1090, 0.1753), (1110, 0.2361), (1120, 0.3024), (1130, 0.4347),
    (1140, 0.6505), (1150, 0.9889), (1160, 1.164), (1180, 1.234), (1200, 1.256), (1220, 1.213), (1240, 1.150),
    (1260, 1.077), (1280, 1.123), (1290, 1.181), (1300, 1.350), (1310, 1.590), (1320, 1.792), (1330, 2.110),
    (1340, 2.711), (1350, 3.802), (1360, 4.113), (1370, 5.211), (1380, 7.030), (1390, 9.603), (1400, 14.12),
    (1410, 23.06), (1420, 28.58), (1430, 31.18), (1440, 31.68), (1450, 31.49), (1460, 30.80), (1470, 28.62),
    (1480, 25.37), (1490, 22.22), (1500, 18.76), (1520, 14.49), (1540, 11.97), (1560, 9.953), (1580, 8.580),
    (1600, 7.325), (1620, 6.509), (1640, 6.063), (1670, 5.571), (1700, 5.757),
)  # fmt: skip

# Molar extinction in 1/cm/M every 10 nm from 400 nm, compiled by S. Prahl (omlc.org) after Gratzer and Kollias.
_OXYHAEMOGLOBIN = (
    266232, 466840, 480360, 246072, 102580, 62816, 44480, 33209, 26629, 23684, 20933, 20035, 24202, 39957, 53236, 43016,
    32613, 44496, 50104, 14401, 3200, 1506, 942, 610, 442, 368, 319.6, 294, 277.6, 276, 290, 314, 348, 390, 446, 518,
    586, 650, 710, 756, 816, 864, 916, 974, 1022, 1058, 1092, 1128, 1154, 1178, 1198, 1214, 1224, 1222, 1214, 1204,
    1186, 1162, 1128, 1080, 1024,
)  # fmt: skip
_HAEMOGLOBIN = (
    223296, 303956, 407560, 528600, 413280, 103292, 23389, 16156, 14550, 16684, 20862, 25774, 31590, 39037, 46592,
    53412, 53788, 45072, 37020, 28324, 14677, 9444, 6510, 5149, 4345, 3750, 3227, 2795, 2408, 2052, 1794, 1540, 1326,
    1102, 1116, 1405, 1549, 1312, 1075, 890.8, 761.7, 717.1, 693.8, 693.0, 692.4, 691.3, 694.3, 705.8, 726.4, 743.6,
    761.8, 774.6, 777.4, 763.8, 693.4, 602.2, 525.6, 429.3, 359.7, 283.2, 206.8,
)  # fmt: skip
_BLOOD_PER_MOLAR = 2.303 * 150.0 / 64500.0  # 150 g/l of haemoglobin of 64,500 g/mol


def _blood(extinction: tuple[float, ...]) -> F32:
    # Beyond the table haemoglobin fades; what blood absorbs there is its water, which the tissue's water counts.
    points = [(400.0 + 10.0 * i, e * _BLOOD_PER_MOLAR) for i, e in enumerate(extinction)]
    return log_curve([*points, (1300.0, 0.3), (1700.0, 0.1)])


WATER: F32 = log_curve(_WATER)
BLOOD_OXYGENATED: F32 = _blood(_OXYHAEMOGLOBIN)
BLOOD_DEOXYGENATED: F32 = _blood(_HAEMOGLOBIN)

MELANOSOME: F32 = f32(519.0 * np.exp(-(WAVELENGTHS - 500.0) / 140.0))
"""Inside of a melanosome: 519 at 500 nm (Jacques 2013), falling exponentially as in living skin (Zonios, Dimou 2008).

The power laws measured on isolated melanosomes fall more slowly and would darken type V at 1050 nm by a tenth, which
the NIST set does not show; 140 nm is fitted to its class means.
"""

BLOODLESS: F32 = f32(0.244 + 85.3 * np.exp(-(WAVELENGTHS - 154.0) / 66.2))
"""Skin without melanin and blood in the visible (Jacques 1998)."""

# Overtones of C-H: positions as in the literature on lipids (Anderson et al. 2006; van Veen et al. 2004); heights and
# widths rounded.
FAT: F32 = f32(
    bands([(760, 25, 0.012), (930, 30, 0.03), (1040, 50, 0.06), (1210, 45, 1.1), (1395, 45, 0.9), (1415, 60, 0.5)])
    + bands([(1725, 60, 9.0)])
    + 0.003
)

PROTEIN: F32 = f32(
    bands([(890, 115, 0.115), (1030, 60, 0.03), (1190, 70, 0.90), (1370, 80, 0.30), (1510, 90, 5.0), (1570, 90, 5.0)])
    + bands([(1690, 60, 4.5)])
)
"""Dry collagen and keratin: overtones of N-H and C-H at their known places, heights fitted to the NIST class means."""

# Dimethylsiloxane: bands as in Zhang 2020 and Querry 1987 (refractiveindex.info, CC0).
PDMS: F32 = f32(
    bands([(905, 40, 0.08), (1020, 50, 0.03), (1185, 22, 1.2), (1195, 60, 0.35), (1385, 30, 0.55), (1402, 22, 0.9)])
    + bands([(1530, 55, 0.45), (1690, 30, 2.0), (1708, 20, 5.0)])
    + 0.05
)

# Polyvinyl chloride as in Zhang 2020.
PVC: F32 = f32(
    bands([(1190, 55, 0.75), (1380, 50, 0.35), (1415, 60, 0.6), (1710, 35, 6.0)])
    + log_curve([(400, 0.85), (450, 0.45), (600, 0.45), (700, 0.16), (850, 0.07), (1700, 0.10)])
)

POLYMER: F32 = f32(bands([(1150, 60, 0.3), (1190, 60, 0.5), (1400, 70, 0.6), (1660, 45, 1.6), (1700, 45, 4.0)]) + 0.03)
"""C-H overtones common to acrylics, polyesters and isoprene; lighter than fat."""

HYDROXYL: F32 = f32(bands([(970, 60, 0.03), (1200, 110, 0.35), (1450, 110, 4.0), (1490, 160, 4.5), (1590, 140, 2.6)]))
"""Bound water and O-H of cellulose and gypsum, height relative to free water's 1450 nm band being about 30."""
