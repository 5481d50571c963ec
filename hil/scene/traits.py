"""What a face of the cast is made of: named numbers with a range and a plain default.

Lengths are millimetres, `tone` is a continuous ITA class, everything else is a fraction unless it says so. The record
of a traveller holds only what differs from the default.
"""

from __future__ import annotations

from collections.abc import Mapping

# Smooth patterns over the face, (cycles across, cycles down) in units of 1/26 mm: the part of a person's shape and
# pigment that no named feature covers.
MODES: tuple[tuple[float, float], ...] = ((0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (2.0, 1.0), (1.0, 2.0), (0.0, 2.0))

TRAITS: dict[str, tuple[float, float, float]] = {
    # name: (least, most, default)
    # Skull and outline.
    "face_width": (60.0, 79.0, 69.0),
    "jaw_width": (0.66, 0.93, 0.80),
    "chin_width": (17.0, 35.0, 25.0),
    "chin_y": (100.0, 131.0, 116.0),
    "chin_out": (-5.0, 8.0, 1.0),
    "chin_cleft": (0.0, 1.0, 0.0),
    "cheekbone": (-1.0, 6.0, 2.0),
    "cheek_full": (-6.0, 6.0, 0.0),
    "forehead_slope": (-4.0, 8.0, 1.0),
    "crown_y": (96.0, 118.0, 108.0),
    # Eyes.
    "eye_x": (27.5, 36.0, 31.5),
    "eye_half_width": (12.0, 16.5, 14.0),
    "eye_open": (6.0, 13.0, 9.5),
    "eye_tilt": (-1.8, 3.0, 0.6),
    "eye_hood": (0.0, 1.0, 0.3),
    "eye_fold": (0.0, 1.0, 0.2),
    "socket": (1.0, 9.0, 5.0),
    "brow_ridge": (0.0, 5.0, 2.0),
    "iris": (0.0, 4.0, 0.5),
    "iris_size": (5.2, 6.6, 5.9),
    "liner": (0.0, 1.0, 0.15),
    "shadow": (0.0, 1.0, 0.0),
    "bags": (0.0, 1.0, 0.15),
    # Brows.
    "brow_y": (11.0, 25.0, 17.5),
    "brow_thick": (1.5, 7.5, 3.6),
    "brow_inner": (7.0, 17.0, 11.0),
    "brow_outer": (42.0, 56.0, 49.0),
    "brow_arch": (-1.0, 5.5, 2.2),
    "brow_tilt": (-3.5, 4.0, 0.5),
    "brow_density": (0.15, 1.0, 0.75),
    # Nose.
    "nose_y": (33.0, 54.0, 43.0),
    "nose_width": (12.0, 24.0, 16.5),
    "nose_out": (8.0, 26.0, 16.0),
    "nose_bridge": (3.5, 10.0, 6.0),
    "nose_bridge_out": (0.0, 9.0, 4.0),
    "nose_hump": (-2.0, 4.0, 0.0),
    "nose_tip": (6.0, 13.0, 9.0),
    "nostril": (0.3, 1.0, 0.6),
    # Mouth.
    "mouth_y": (0.38, 0.58, 0.47),
    "mouth_half_width": (17.0, 32.0, 25.0),
    "lip_upper": (2.5, 10.0, 5.5),
    "lip_lower": (4.0, 13.0, 8.0),
    "lip_out": (0.0, 5.0, 2.0),
    "lip_corner": (-3.0, 3.5, 0.0),
    "cupid": (0.0, 1.0, 0.5),
    "lip_red": (0.0, 1.0, 0.35),
    "lip_dark": (0.0, 1.0, 0.25),
    # Skin.
    "tone": (1.0, 6.8, 2.5),
    "flush": (-0.9, 0.7, 0.0),
    "blush": (0.0, 1.0, 0.25),
    "freckles": (0.0, 1.0, 0.0),
    "spots": (0.0, 1.0, 0.2),
    "mottle": (0.2, 1.0, 0.5),
    "gloss": (0.1, 1.0, 0.4),
    "fold": (0.0, 1.0, 0.25),
    "furrows": (0.0, 1.0, 0.1),
    "crow": (0.0, 1.0, 0.1),
    "relief": (0.0, 1.0, 0.5),
    # Hair.
    "hair_dark": (0.0, 1.0, 0.8),
    "hair_red": (0.0, 1.0, 0.1),
    "hair_grey": (0.0, 1.0, 0.0),
    "hair": (0.0, 1.0, 1.0),
    "hairline": (30.0, 92.0, 68.0),
    "recede": (-6.0, 26.0, 4.0),
    "hair_volume": (2.0, 34.0, 9.0),
    "hair_curl": (0.0, 1.0, 0.1),
    "hair_length": (0.0, 230.0, 0.0),
    "hair_part": (-1.0, 1.0, 0.4),
    "fringe": (0.0, 1.0, 0.0),
    "sideburn": (-40.0, 20.0, -5.0),
    "beard": (0.0, 1.0, 0.0),
    "beard_low": (0.0, 1.0, 0.6),
    "goatee": (0.0, 1.0, 0.0),
    "moustache": (0.0, 1.0, 0.0),
    "beard_grey": (0.0, 1.0, 0.0),
    # Ears and clothes.
    "ear": (0.8, 1.25, 1.0),
    "ear_out": (0.0, 1.0, 0.3),
    "shirt": (0.0, 4.0, 0.0),
    # How far a high collar reaches up the neck, mm; 0 is a round neckline.
    "collar": (0.0, 70.0, 0.0),
    **{f"pigment_{k}": (-1.0, 1.0, 0.0) for k in range(len(MODES))},
    **{f"shape_{k}": (-1.0, 1.0, 0.0) for k in range(len(MODES))},
    # Seed of the irregularities (freckles, strands, mottling); a whole number.
    "seed": (0.0, 9999.0, 1.0),
}


class Traits(dict[str, float]):
    """A complete set of traits; attribute access reads a trait."""

    def __getattr__(self, name: str) -> float:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def complete(given: Mapping[str, float]) -> Traits:
    """Every trait of a face from those that differ from the default.

    Raises ValueError naming every unknown trait and every value outside its range.
    """
    wrong = [f"unknown trait {name!r}" for name in given if name not in TRAITS]
    for name, value in given.items():
        if name in TRAITS and not TRAITS[name][0] <= value <= TRAITS[name][1]:
            wrong.append(f"{name} = {value} is outside {TRAITS[name][0]}..{TRAITS[name][1]}")
    if wrong:
        raise ValueError("; ".join(wrong))
    return Traits({name: float(given.get(name, limits[2])) for name, limits in TRAITS.items()})
