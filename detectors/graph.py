"""A MediaPipe graph called like a function: packets in, one packet out.

MediaPipe's own `solutions` keep one tracker, and so one copy of the model, per student. These
graphs hold a model and no history, so a worker has one of each; the tracking is our own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from detectors.arrays import Pixels
from detectors.base import DetectorUnavailable

os.environ.setdefault("GLOG_minloglevel", "2")

_REMEDY = (
    "MediaPipe 0.10.21 cannot be used ({problem}): faces and gaze are not judged. "
    "Run ./setup.sh with Python 3.10 to 3.12 to install it."
)


class Graph:
    """One running graph with the input stream `image` and one output stream."""

    def __init__(self, config: str, output: str, side: Mapping[str, bool] | None = None) -> None:
        try:
            import mediapipe
            from mediapipe.python import packet_creator, packet_getter
            from mediapipe.python._framework_bindings import resource_util
        except ImportError as error:
            raise DetectorUnavailable(_REMEDY.format(problem=error)) from error
        self._create: Any = packet_creator
        self.read: Any = packet_getter
        self._format: Any = mediapipe.ImageFormat.SRGB
        self._output: Any = None
        self._tick = 0
        try:
            root = os.path.dirname(os.path.dirname(mediapipe.__file__))
            resource_util.set_resource_dir(root)
            self._graph: Any = mediapipe.CalculatorGraph(graph_config=config)
            self._graph.observe_output_stream(output, self._keep)
            self._graph.start_run(
                {name: packet_creator.create_bool(value) for name, value in (side or {}).items()}
            )
            self._graph.wait_until_idle()
        except (RuntimeError, ValueError, OSError) as error:
            raise DetectorUnavailable(_REMEDY.format(problem=error)) from error

    def run(self, rgb: Pixels, **protos: Any) -> Any | None:
        """The output packet for this picture, or None when the graph gave none.

        `rgb` is uint8 (H, W, 3), contiguous and not changed while this runs. Raises RuntimeError
        when the graph fails.
        """
        self._tick += 1
        self._output = None
        image = rgb
        if image.flags.writeable:
            image = image.view()
            image.flags.writeable = False
        packet = self._create.create_image_frame(image, image_format=self._format, copy=False)
        self._graph.add_packet_to_input_stream("image", packet.at(self._tick))
        for name, message in protos.items():
            self._graph.add_packet_to_input_stream(
                name, self._create.create_proto(message).at(self._tick)
            )
        self._graph.wait_until_idle()
        packet, self._output = self._output, None
        return None if packet is None or packet.is_empty() else packet

    def serialized(self, packet: Any) -> bytes:
        """The packet's message as bytes, without the detour over an object where that can be."""
        try:
            return bytes(self.read._packet_getter._get_serialized_proto(packet))
        except AttributeError:
            return bytes(self.read.get_proto(packet).SerializeToString())

    def _keep(self, _name: str, packet: Any) -> None:
        self._output = packet
