"""How networks in ONNX run here: on one thread that sleeps when there is nothing to do."""

import onnxruntime


def quiet_session(model: bytes) -> onnxruntime.InferenceSession:
    """A session on the processor, from bytes whose hash was checked, not from a path that could change in between."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning workers burn a core between frames on a small machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
