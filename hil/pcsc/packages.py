"""`python -m hil.pcsc.packages`: which Debian packages this job needs and does not find; exit code 1 if any.

They are not installed from here: vsmartcard-vpcd brings a configuration by which a pcscd that runs as a service listens
on every address of the machine. Whoever installs it takes that file away.
"""

import shutil
import sys
from pathlib import Path

DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def pcscd() -> str | None:
    """Where pcscd is."""
    return shutil.which("pcscd") or shutil.which("pcscd", path=_SBIN)


_NEEDS = {
    "gcc": lambda: shutil.which("gcc"),
    "libpcsclite-dev": Path("/usr/include/PCSC/winscard.h").exists,
    "pcscd": pcscd,
    "vsmartcard-vpcd": DRIVER.exists,
}
WARNING = "Then, or a pcscd that runs as a service listens on every address:  rm /etc/reader.conf.d/vpcd"


def missing() -> str:
    """What to do about the packages that are not here, "" when all are."""
    names = [name for name, found in _NEEDS.items() if not found()]
    if not names:
        return ""
    line = f"Debian packages are missing. Run:  apt-get install --no-install-recommends {' '.join(names)}"
    return f"{line}\n{WARNING}" if "vsmartcard-vpcd" in names else line


if __name__ == "__main__":
    sys.exit(missing() or 0)
