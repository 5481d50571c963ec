"""How good a face image is, measure by measure, and the one thing to say about it (after ISO/IEC 29794-5:2025).

Not responsible for admitting anybody: what fails here is asked for once more, or seen by the guard.
"""

from appliance.face.quality.assess import assess, others
from appliance.face.quality.portrait import PortraitReport, assess_portrait
from appliance.face.quality.types import Measure, Measurement, QualityReport

__all__ = ["Measure", "Measurement", "PortraitReport", "QualityReport", "assess", "assess_portrait", "others"]
