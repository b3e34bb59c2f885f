extension CheckpointFormat {
  /// PyTorch's own, `torch.save`, in both of its forms.
  public static let pytorch = CheckpointFormat(
    "pytorch", title: "PyTorch", extensions: ["pth", "pt", "th", "ckpt"],
    summary: "`torch.save`, zip and legacy, hubs' `.bin`, TorchScript; nothing in it is run",
    open: { file in
      if let archive = file.zip.flatMap(TorchArchive.init) {
        file.forgetArchive()
        return try PyTorchFile.archive(file.map, archive)
      }
      guard file.zip == nil else { return nil }
      return file.map.withBytes(isPickle) ? try PyTorchFile.legacy(file.map) : nil
    },
    write: { try PyTorchWriter($0, tensors: $1.tensors, metadata: $1.metadata) })

  /// Protocols 2 to 5 say so at the start; the oldest ones are recognised by how PyTorch's and Python's
  /// dictionaries begin.
  private static func isPickle(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if bytes.count > 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) { return true }
    return ["(dp", "ccollections\nOrderedDict", "ctorch", "cnumpy", "(lp"].contains {
      bytes.starts(with: $0.utf8)
    } && bytes.prefix(4096).contains(UInt8(ascii: "\n"))
  }
}
