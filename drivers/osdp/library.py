"""The optional package libosdp, loaded when first needed.

Its module `osdp_sys` is used, not its wrapper `osdp`: the wrapper brings its own thread with a pause of 20 ms, prints
errors instead of raising them, and keeps an unbounded queue.
"""

import importlib
from typing import Any

from drivers.errors import DriverError


def load(device: str) -> Any:
    """The library's module. Raises DriverError when it is not installed."""
    try:
        library = importlib.import_module("osdp_sys")
    except ImportError as error:
        raise DriverError(device, "OSDP needs libosdp: pip install sallyport[osdp]") from error
    # What it would write to the standard error is told by our errors, and it writes a line at every poll it misses.
    library.set_loglevel(library.LOG_EMERG)
    return library
