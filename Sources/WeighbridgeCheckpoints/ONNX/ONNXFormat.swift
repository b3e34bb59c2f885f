extension CheckpointFormat {
  /// The initialisers of an ONNX model: read, never written.
  public static let onnx = CheckpointFormat(
    "onnx", title: "ONNX", extensions: ["onnx"],
    summary: "the initialisers; data in other files is listed, and never opened",
    open: { $0.map.withBytes(ONNXListing.isPresent) ? try ONNXFile($0.map) : nil })
}
