"""Templates of the reports: pages of one HTML file, where every value is escaped and none may be missing."""

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def template(package: str, **filters: Callable[..., Any]) -> Template:
    """The `templates/report.html` of a package, with its filters."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    return environment.get_template("report.html")
