"""The manifest of model files: what each is, where it comes from, what is lost without it.

`python -m detectors.models [--target DIR]` gathers them (detectors/model_files.py does the work).
No weight file is part of the project. Standard library only.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of the models folder.

    `sha256` lists every content that is taken without a question: the official one and known
    stand-ins. `is_own_export` admits other contents from a local folder too, because an export
    differs with the exporter's version. `package_file` ("package:path") is a file of an installed
    package the model is made from; `recipe` names the way it is made.
    """

    name: str
    title: str
    detector: str
    licence: str
    source: str
    lost_without: str
    remedy: str
    sha256: tuple[str, ...] = ()
    url: str = ""
    is_own_export: bool = False
    package_file: str = ""
    recipe: str = ""


_YOLOV8N_EXPORT = (
    "Export it once with `pip install ultralytics` and `yolo export model=yolov8n.pt format=onnx "
    "imgsz={size} opset=12` from the official yolov8n.pt "
    "(https://github.com/ultralytics/assets/releases/download/v8.3.0/yolov8n.pt, sha256 "
    "f59b3d833e2ff32e194b5bb8e08d211dc7c5bdf144b90d2c8412c47ccfc83b36), name it {name} and put it "
    "into the models folder or into PROCTOR_MODELS_DIR. Until then YOLOX-nano does its work."
)
_BY_HAND = (
    "Download {url} on a machine with network access, put it into the models folder (or into a "
    "folder named by PROCTOR_MODELS_DIR) as {name}, and run ./setup.sh again."
)
_MOBILEFACENET_URL = (
    "https://raw.githubusercontent.com/foamliu/MobileFaceNet/"
    "a6cc9032a659b615f477833e1a70b5e7931bcccc/weights/MobileFaceNet.onnx"
)
_YOLOX_URL = (
    "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx"
)
_YUNET_URL = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
    "face_detection_yunet/face_detection_yunet_2023mar.onnx"
)

YOLOV8N = ModelFile(
    name="yolov8n_480x640.onnx",
    title="YOLOv8n, 480x640",
    detector="objects",
    licence="AGPL-3.0",
    source="https://github.com/ultralytics/assets/releases (yolov8n.pt, exported)",
    lost_without="phones are looked for with YOLOX-nano, which finds fewer of them",
    remedy=_YOLOV8N_EXPORT.format(size="480,640", name="yolov8n_480x640.onnx"),
    sha256=("c905a816456aef6354c298cadf5f2852d03887736b30dffc9f2c5164f7312e20",),
    is_own_export=True,
)
YOLOV8N_SMALL = ModelFile(
    name="yolov8n_384x512.onnx",
    title="YOLOv8n, 384x512",
    detector="objects",
    licence="AGPL-3.0",
    source=YOLOV8N.source,
    lost_without="crops are looked at with the other object models, which costs more time",
    remedy=_YOLOV8N_EXPORT.format(size="384,512", name="yolov8n_384x512.onnx"),
    sha256=("46453a89ce68ce7be90d8ab50bd80934ca42e6bad51d416103f081ae890bc7d9",),
    is_own_export=True,
)
YOLOX_NANO = ModelFile(
    name="yolox_nano.onnx",
    title="YOLOX-nano, 416x416",
    detector="objects",
    licence="Apache-2.0",
    source="https://github.com/Megvii-BaseDetection/YOLOX/releases/tag/0.1.1rc0",
    lost_without="and without YOLOv8n, phones and further persons are not looked for",
    remedy=_BY_HAND.format(url=_YOLOX_URL, name="yolox_nano.onnx"),
    sha256=("e8af074932d4ed7e232278e3055cefcdea3edf178874a3694ae292649fb464dd",),
    url=_YOLOX_URL,
)
MOBILEFACENET = ModelFile(
    name="mobilefacenet_foamliu.onnx",
    title="MobileFaceNet",
    detector="identity",
    licence="Apache-2.0",
    source="https://github.com/foamliu/MobileFaceNet (weights/MobileFaceNet.onnx)",
    lost_without="a change of the person at the camera is not noticed",
    remedy=_BY_HAND.format(url=_MOBILEFACENET_URL, name="mobilefacenet_foamliu.onnx"),
    sha256=("b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",),
    url=_MOBILEFACENET_URL,
)
YUNET = ModelFile(
    name="face_detection_yunet_2023mar.onnx",
    title="YuNet",
    detector="face",
    licence="MIT",
    source="https://github.com/opencv/opencv_zoo (models/face_detection_yunet)",
    lost_without="faces at the edge and faces that fill the picture are found less often",
    remedy=_BY_HAND.format(url=_YUNET_URL, name="face_detection_yunet_2023mar.onnx"),
    sha256=("8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",),
    url=_YUNET_URL,
)
VOICE_ENCODER = ModelFile(
    name="voice_encoder.onnx",
    title="Resemblyzer voice encoder",
    detector="voice",
    licence="Apache-2.0",
    source="https://github.com/resemble-ai/Resemblyzer (pretrained.pt of the PyPI package)",
    lost_without="voices are not told apart; speech is still noticed",
    remedy=(
        "Run ./setup.sh again: it installs the packages Resemblyzer and onnx and makes the file "
        "from the weights Resemblyzer carries."
    ),
    sha256=("39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",),
    package_file="resemblyzer:pretrained.pt",
    recipe="voice_encoder",
)

MODELS: tuple[ModelFile, ...] = (
    YOLOV8N,
    YOLOV8N_SMALL,
    YOLOX_NANO,
    MOBILEFACENET,
    YUNET,
    VOICE_ENCODER,
)


def find_model(model: ModelFile, models_dir: Path) -> Path | None:
    """Where the file lies, or None: then `model.remedy` says what to do."""
    path = models_dir / model.name
    return path if path.is_file() else None


if __name__ == "__main__":
    from detectors.model_files import main

    sys.exit(main())
