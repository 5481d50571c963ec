"""Matcher packs, cues of the liveness check and their weight files, as data.

Hashes are those of the published files: YuNet by the object id of opencv_zoo, face-reidentification-retail-0095 by the
sha384 Open Model Zoo 2023.0 publishes, the dlib files as carried by face_recognition_models 0.3.0 on the Python
registry. Operating points were measured on LFW (deep-funneled, every cross-identity comparison of folds 1 to 5,
docs/measure-faces.md): they say how the matcher does on press photographs, not at a border.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

_OPENCV_ZOO = "https://media.githubusercontent.com/media/opencv/opencv_zoo"
_YUNET_PATH = "models/face_detection_yunet/face_detection_yunet_2026may.onnx"
_FACENOX = "https://github.com/facenox/face-antispoof-onnx/releases/download/v1.0.0"
_OPEN_MODEL_ZOO = "https://storage.openvinotoolkit.org/repositories/open_model_zoo/2023.0/models_bin/1"

AUTO = "auto"
"""In the place of a matcher pack's name: the best one available (`manager.best_available`)."""

Role = Literal["detector", "recogniser", "landmarks", "cue"]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One weight file. `package` names the installed distribution that carries it, instead of URLs.

    `size` in bytes; `sha256` in lower-case hexadecimal of the whole file; `urls` in the order to try them.
    `commercial_use` is what the file's licence says, not what its training data allowed.
    """

    name: str
    role: Role
    size: int
    sha256: str
    licence: str
    commercial_use: bool
    urls: tuple[str, ...] = ()
    package: str | None = None


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold with the false match rate and true accept rate measured at it."""

    threshold: float
    fmr: float
    tar: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weight files that belong together, under one name.

    `modules` are import names beyond the appliance's own; `extra` is the extra of this distribution that brings them.
    """

    pack_id: str
    title: str
    threshold_source: str
    files: tuple[ModelFile, ...]
    modules: tuple[str, ...]
    extra: str
    caution: str

    @property
    def commercial_use(self) -> bool:
        """Whether every file's licence allows any use."""
        return all(file.commercial_use for file in self.files)

    @property
    def licences(self) -> str:
        """Every licence once, in words."""
        return ", ".join(sorted({file.licence for file in self.files}))

    def file(self, role: Role) -> ModelFile:
        """The first file with this role. Raises KeyError."""
        for item in self.files:
            if item.role == role:
                return item
        raise KeyError(role)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRecord(Weights):
    """A matcher pack: what it compares with, and how well it did.

    `masked` is the operating point for probes in medical masks (`appliance.face.masked`), at the FMR of the default;
    None where nobody in a mask is compared.
    """

    grade: Literal["production", "development grade"]
    metric: Literal["cosine", "l2"]
    default: OperatingPoint
    operating_points: tuple[OperatingPoint, ...]
    masked: OperatingPoint | None = None

    @property
    def threshold(self) -> float:
        """The threshold in use: similarity at least, or distance at most."""
        return self.default.threshold

    @property
    def template_sha256(self) -> str:
        """Over the hashes of all that makes a template of a face: other landmarks make another template."""
        parts = [file.sha256 for file in self.files if file.role in ("recogniser", "landmarks")]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def objection(self, accepted: Collection[str]) -> str:
        """Why its licence forbids the use where those of `accepted` were accepted by name; empty where it does not."""
        if self.commercial_use or self.pack_id in accepted:
            return ""
        return (
            f"{self.pack_id} is for non-commercial use only ({self.licences}). If yours is, say so by name: "
            f'accept_non_commercial = ["{self.pack_id}"] under [face], or --accept-non-commercial {self.pack_id}.'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CueRecord(Weights):
    """A network beside the matcher, asked one question about a face; what it says counts from `threshold` upwards."""

    threshold: float


# As published with the package (appliance/evaluate/published_faces); a test holds the two together.
_LFW = "LFW folds 1-5, 7.2 M impostor comparisons: FMR {} (appliance claims --faces)"
_OMZ_POINTS = (OperatingPoint(0.3397, 1e-3, 0.9848), OperatingPoint(0.4251, 1e-4, 0.9681))
_DLIB_POINTS = (OperatingPoint(0.547, 1e-3, 0.9038), OperatingPoint(0.4775, 1e-4, 0.6714))
_MOBILEFACE_POINTS = (OperatingPoint(0.3625, 1e-3, 0.9477), OperatingPoint(0.4498, 1e-4, 0.8739))
_SCRFD_POINTS = (OperatingPoint(0.3394, 1e-3, 0.9857), OperatingPoint(0.4257, 1e-4, 0.9665))
_REID = "face-reidentification-retail-0095"
_PLACES = "landmarks-regression-retail-0009"

OPEN_OMZ = PackRecord(
    pack_id="open-omz",
    title="YuNet 2026may + landmarks-regression-retail-0009 + face-reidentification-retail-0095",
    grade="production",
    metric="cosine",
    default=_OMZ_POINTS[1],
    operating_points=_OMZ_POINTS,
    masked=OperatingPoint(0.4901, 1e-4, 0.7781),
    threshold_source=_LFW.format("1e-4 at TAR 96.8 %"),
    files=(
        ModelFile(
            name="face_detection_yunet_2026may.onnx",
            role="detector",
            size=229_738,
            sha256="ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
            licence="MIT",
            commercial_use=True,
            urls=(
                f"{_OPENCV_ZOO}/26cc381e4d2594bb9f47a26eb8fd96c94a13660d/{_YUNET_PATH}",
                f"{_OPENCV_ZOO}/main/{_YUNET_PATH}",
            ),
        ),
        ModelFile(
            name=f"{_REID}.bin",
            role="recogniser",
            size=2_213_628,
            sha256="241229ca3d206321868d46ce74a3c0b06c49cea58db7dc70b2e842ff287545d1",
            licence="Apache-2.0",
            commercial_use=True,
            urls=(f"{_OPEN_MODEL_ZOO}/{_REID}/FP16/{_REID}.bin",),
        ),
        ModelFile(
            name=f"{_REID}.xml",
            role="recogniser",
            size=350_427,
            sha256="ce53d2c9c08c0bd1c1660fb8a5b6d0e3e4ec19eb92f1036d2d83a85e83082dce",
            licence="Apache-2.0",
            commercial_use=True,
            urls=(f"{_OPEN_MODEL_ZOO}/{_REID}/FP16/{_REID}.xml",),
        ),
        ModelFile(
            name=f"{_PLACES}.bin",
            role="landmarks",
            size=762_464,
            sha256="0700711ab6d1a738cc16fafda2b040de8e9e0cc8b13430ee3ddd6abbe8c81969",
            licence="Apache-2.0",
            commercial_use=True,
            urls=(f"{_OPEN_MODEL_ZOO}/{_PLACES}/FP32/{_PLACES}.bin",),
        ),
        ModelFile(
            name=f"{_PLACES}.xml",
            role="landmarks",
            size=43_654,
            sha256="636c547fd4d784d81be1be7bafc6376396aae60fa8e91664566ddc562f993f2c",
            licence="Apache-2.0",
            commercial_use=True,
            urls=(f"{_OPEN_MODEL_ZOO}/{_PLACES}/FP32/{_PLACES}.xml",),
        ),
    ),
    modules=("openvino",),
    extra="open-omz",
    caution="Training data of the recogniser is not fully documented; have it reviewed before use at a border.",
)

PYPI_DLIB = PackRecord(
    pack_id="pypi-dlib",
    title="dlib HOG + ResNet (face_recognition_models 0.3.0)",
    grade="development grade",
    metric="l2",
    default=_DLIB_POINTS[0],
    operating_points=_DLIB_POINTS,
    threshold_source=_LFW.format("1e-3 at TAR 90.4 %"),
    files=(
        ModelFile(
            name="dlib_face_recognition_resnet_model_v1.dat",
            role="recogniser",
            size=22_466_066,
            sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
            licence="CC0-1.0",
            commercial_use=True,
            package="face_recognition_models",
        ),
        ModelFile(
            name="shape_predictor_5_face_landmarks.dat",
            role="landmarks",
            size=9_150_489,
            sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
            licence="CC0-1.0",
            commercial_use=True,
            package="face_recognition_models",
        ),
    ),
    modules=("dlib", "face_recognition_models"),
    extra="pypi-dlib",
    caution="Refuses about one genuine traveller in ten at FMR 1e-3; for development and demonstration only.",
)

PLACES = tuple(sorted((file for file in OPEN_OMZ.files if file.role == "landmarks"), key=lambda file: file.name[::-1]))
"""The network of landmarks, its description (.xml) and its weights (.bin)."""

OPEN_MOBILEFACE = PackRecord(
    pack_id="open-mobileface",
    title="YuNet 2026may + landmarks-regression-retail-0009 + MobileFace V2",
    grade="development grade",
    metric="cosine",
    default=_MOBILEFACE_POINTS[1],
    operating_points=_MOBILEFACE_POINTS,
    threshold_source=_LFW.format("1e-4 at TAR 87.4 %"),
    files=(
        OPEN_OMZ.file("detector"),
        ModelFile(
            name="mobileface_identification_v2.onnx",
            role="recogniser",
            size=3_601_047,
            sha256="b3f1703b1e7ae49fde57704eb4c708b96115afbdffb7d94d8c409af924667ff8",
            licence="MIT",
            commercial_use=True,
        ),
        *PLACES,
    ),
    modules=("openvino",),
    extra="open-omz",
    caution="Converted from the published MXNet parameters (sha256 75005761...825e) and checked by what it says of "
    "photographs, not against the original runtime. Its training data is not documented.",
)

SCRFD_OMZ = PackRecord(
    pack_id="scrfd-omz",
    title="SCRFD det_500m + landmarks-regression-retail-0009 + face-reidentification-retail-0095",
    grade="development grade",
    metric="cosine",
    default=_SCRFD_POINTS[1],
    operating_points=_SCRFD_POINTS,
    threshold_source=_LFW.format("1e-4 at TAR 96.7 %"),
    files=(
        ModelFile(
            name="det_500m.onnx",
            role="detector",
            size=2_524_817,
            sha256="5e4447f50245bbd7966bd6c0fa52938c61474a04ec7def48753668a9d8b4ea3a",
            licence="InsightFace, non-commercial research only",
            commercial_use=False,
        ),
        *OPEN_OMZ.files[1:],
    ),
    modules=("openvino",),
    extra="open-omz",
    caution="The detector is for non-commercial research only: refused unless the configuration accepts it by name.",
)

PACKS: dict[str, PackRecord] = {pack.pack_id: pack for pack in (OPEN_OMZ, PYPI_DLIB, OPEN_MOBILEFACE, SCRFD_OMZ)}
"""Every pack, the one to prefer first."""

RGB_CUE = CueRecord(
    pack_id="rgb-cue",
    title="MiniFAS V2-SE fp32 (facenox v1.0.0)",
    threshold=0.7,
    threshold_source="LFW, YuNet detection: 56 of 2,076 live people on press photographs suspected; no attack measured",
    files=(
        ModelFile(
            name="facenox_minifas_v2se_128.onnx",
            role="cue",
            size=1_912_594,
            sha256="af2381b88f38769222ed93379e12444e2a50814575de1c46170de570c55a42b6",
            licence="Apache-2.0",
            commercial_use=True,
            urls=(f"{_FACENOX}/best_model.onnx",),
        ),
    ),
    modules=(),
    extra="",
    caution="Learnt from CelebA-Spoof, whose images are for non-commercial research only: have that reviewed before "
    "use at a border. Not tried on masks; its misses (APCER) are unknown.",
)

MEDICAL_MASK = CueRecord(
    pack_id="medical-mask",
    title="AIZOO FaceMaskDetection, converted to ONNX",
    threshold=0.5,
    threshold_source="docs/masks.md: real photographs of masked people, and LFW for bare faces",
    files=(
        ModelFile(
            name="face_mask_detection_260.onnx",
            role="cue",
            size=4_056_858,
            sha256="af315968d66752df97f15cdb2c50c20b2c07f056972f2da2ae4f6838e559b05f",
            licence="MIT",
            commercial_use=True,
        ),
    ),
    modules=(),
    extra="",
    caution="Converted from the published Caffe model (sha256 3c2e89cf...f740) and checked by what it says of "
    "photographs, not against the original runtime.",
)

FACE_MESH = CueRecord(
    pack_id="face-mesh",
    title="MediaPipe face mesh, 478 points",
    threshold=0.5,
    threshold_source="MediaPipe's own, for there being a face; what the eyelids must do: docs/face-quality.md",
    files=(
        ModelFile(
            name="face_landmarks_detector.tflite",
            role="cue",
            size=2_553_590,
            sha256="c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
            licence="Apache-2.0",
            commercial_use=True,
        ),
    ),
    modules=("ai_edge_litert",),
    extra="mesh",
    caution="Taken out of MediaPipe's face_landmarker.task, in which it is published; its training data is not.",
)

CUES: dict[str, CueRecord] = {cue.pack_id: cue for cue in (RGB_CUE, MEDICAL_MASK, FACE_MESH)}
"""Every network beside the matchers. None is needed, and no matcher is found among them."""
