"""Just enough drawing for the report's plots: axes, marks and lines as SVG, everything escaped by the XML writer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from markupsafe import Markup

INK, FAINT, GRID = "#1b1f24", "#6b7280", "#e3e6ea"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7a3e9d", "#444444")
"""Colours that stay apart for colour-blind readers (after Okabe and Ito); a mark or dash always goes with them."""
DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 2 1 2 1 2", "12 4", "1 2", "4 4")
MARKS = ("circle", "square", "triangle", "diamond", "cross", "plus", "down", "ring")


class Drawing:
    """One SVG image of a given size in pixels. `words` say for a screen reader what it shows."""

    def __init__(self, width: int, height: int, words: str) -> None:
        self.root = Xml.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {width} {height}",
                "width": str(width),
                "height": str(height),
                "role": "img",
                "font-family": "inherit",
                "font-size": "12",
            },
        )
        Xml.SubElement(self.root, "title").text = words

    def line(
        self, x1: float, y1: float, x2: float, y2: float, colour: str = INK, width: float = 1, dash: str = ""
    ) -> None:
        """A straight line."""
        at = {"x1": _n(x1), "y1": _n(y1), "x2": _n(x2), "y2": _n(y2)}
        Xml.SubElement(self.root, "line", {**at, "stroke": colour, "stroke-width": _n(width), "stroke-dasharray": dash})

    def path(self, points: Sequence[tuple[float, float]], colour: str, width: float = 2, dash: str = "") -> None:
        """A line through points."""
        text = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        look = {"fill": "none", "stroke": colour, "stroke-width": _n(width), "stroke-dasharray": dash}
        Xml.SubElement(self.root, "polyline", {"points": text, **look, "stroke-linejoin": "round"})

    def text(self, x: float, y: float, words: str, anchor: str = "start", colour: str = INK, size: float = 12) -> None:
        """Words; `anchor` is start, middle or end."""
        at = {"x": _n(x), "y": _n(y), "text-anchor": anchor, "fill": colour, "font-size": _n(size)}
        Xml.SubElement(self.root, "text", at).text = words

    def sideways(self, x: float, y: float, words: str) -> None:
        """Words from bottom to top, centred on the point."""
        at = {"text-anchor": "middle", "fill": INK, "transform": f"translate({_n(x)} {_n(y)}) rotate(-90)"}
        Xml.SubElement(self.root, "text", at).text = words

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        at = {"x": _n(x), "y": _n(y), "width": _n(width), "height": _n(height), "fill": colour}
        Xml.SubElement(self.root, "rect", at)

    def dots(self, points: Sequence[tuple[float, float]], colour: str, size: float, opacity: float) -> None:
        """Many small dots, as one path of lines without length: a crowd stays a small file."""
        look = {
            "stroke": colour,
            "stroke-width": _n(2 * size),
            "stroke-opacity": _n(opacity),
            "stroke-linecap": "round",
        }
        Xml.SubElement(self.root, "path", {"d": "".join(f"M{_n(x)} {_n(y)}h0" for x, y in points), **look})

    def mark(self, x: float, y: float, kind: str, colour: str, size: float = 5, opacity: float = 1.0) -> None:
        """One of MARKS, centred on the point."""
        look = {"fill": colour, "fill-opacity": _n(opacity)}
        stroke = {"fill": "none", "stroke": colour, "stroke-width": "1.6", "stroke-opacity": _n(opacity)}
        if kind in ("circle", "ring"):
            round_ = {"cx": _n(x), "cy": _n(y), "r": _n(size)}
            Xml.SubElement(self.root, "circle", {**round_, **(look if kind == "circle" else stroke)})
        elif kind in ("cross", "plus"):
            d = size * (0.8 if kind == "cross" else 1.0)
            ends = ((-d, -d, d, d), (-d, d, d, -d)) if kind == "cross" else ((-d, 0, d, 0), (0, -d, 0, d))
            lines = " ".join(f"M{_n(x + a)} {_n(y + b)}L{_n(x + c)} {_n(y + e)}" for a, b, c, e in ends)
            Xml.SubElement(self.root, "path", {"d": lines, **stroke})
        else:
            corners = [f"{_n(x + size * a)},{_n(y + size * b)}" for a, b in _CORNERS[kind]]
            Xml.SubElement(self.root, "polygon", {"points": " ".join(corners), **look})

    def finish(self) -> Markup:
        """The image, ready to stand in a page."""
        # Safe: the XML writer has escaped every word.
        return Markup(Xml.tostring(self.root, encoding="unicode"))


_CORNERS = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "triangle": ((0.0, -1.1), (1.1, 0.9), (-1.1, 0.9)),
    "down": ((0.0, 1.1), (1.1, -0.9), (-1.1, -0.9)),
    "diamond": ((0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)),
}


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Axis:
    """Takes values to pixels: `start` and `end` are the pixels of the values `low` and `high` under `scale`."""

    low: float
    high: float
    start: float
    end: float
    scale: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        """The pixel of a value; values beyond the ends stay at them."""
        inside = min(max(value, self.low), self.high)
        low, high = self.scale(self.low), self.scale(self.high)
        return self.start + (self.scale(inside) - low) / ((high - low) or 1.0) * (self.end - self.start)
