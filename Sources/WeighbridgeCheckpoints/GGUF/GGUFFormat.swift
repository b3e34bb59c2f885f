extension CheckpointFormat {
  /// The files of llama.cpp: read, never written.
  public static let gguf = CheckpointFormat(
    "gguf", title: "GGUF", extensions: ["gguf"],
    summary: "unquantised tensors; quantised ones are listed",
    open: { $0.starts(with: GGUFListing.magic) ? try GGUFFile($0.map) : nil })
}
