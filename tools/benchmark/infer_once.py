"""One process of another engine: infer_once.py ENGINE MODEL.onnx INPUTS.npz THREADS [--idle].

It imports nothing but the engine and NumPy, so that its memory is the engine's. With --idle the network
is neither read nor run: what is left is what Python and the imports take.
"""

import sys

import numpy as np


def main() -> None:
    engine, model, inputs, threads = sys.argv[1:5]
    is_idle = "--idle" in sys.argv
    with np.load(inputs) as file:
        count = sum(name.startswith("inputs/") for name in file.files)
        arrays = [file[f"inputs/{index}"] for index in range(count)]
    if engine == "openvino":
        import openvino

        if is_idle:
            return
        compiled = openvino.Core().compile_model(
            model, "CPU",
            {"INFERENCE_NUM_THREADS": int(threads), "PERFORMANCE_HINT": "LATENCY",
             "INFERENCE_PRECISION_HINT": "f32"})
        compiled.create_infer_request().infer(arrays, share_inputs=True)
    else:
        import onnxruntime

        if is_idle:
            return
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(threads)
        session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        names = [entry.name for entry in session.get_inputs()]
        session.run(None, dict(zip(names, arrays, strict=True)))


main()
