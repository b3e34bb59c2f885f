import Foundation
import TestSupport
import Testing
import WeighbridgeTensors
import WeighbridgeWeights

@testable import WeighbridgeCheckpoints

@Suite struct WriterTests {
  static let formats: [(CheckpointFormat, HDF5Naming)] = [
    (.npz, .flat), (.safetensors, .flat), (.pytorch, .flat), (.hdf5, .flat), (.hdf5, .nested),
  ].filter { $0.0.isWritten }

  /// What is written reads back: names, dtypes, shapes, bytes and texts, for tensors of every dtype.
  @Test(arguments: formats) func roundTrip(_ format: CheckpointFormat, _ naming: HDF5Naming) throws
  {
    let directory = try TemporaryDirectory()
    var tensors = try Fixtures.readAll(Fixtures.path("plain.safetensors"))
    if format != .npz {
      let bf16 = try Fixtures.readAll(Fixtures.path("bf16.safetensors"))
      tensors["bf16"] = bf16["w"]
    }
    let matrix = try #require(tensors["layer1.0.conv1.weight"])
    tensors["permuted"] = try matrix.permuted([3, 2, 1, 0])
    let texts = ["metadata": "{\"note\": \"é😀\"}", "other": ""]
    let path = directory.path("out")
    try Checkpoints.write(
      path, format: format, tensors: tensors.map { ($0.key, $0.value) }, metadata: texts,
      naming: naming)
    #expect(directory.names == ["out"])

    let checkpoint = try Checkpoints.open(path)
    #expect(checkpoint.format == format)
    #expect(checkpoint.metadata == texts)
    #expect(Set(checkpoint.entries.map(\.name)) == Set(tensors.keys))
    for (name, tensor) in tensors {
      let entry = try #require(checkpoint.entry(name))
      #expect(entry.storage == .inPlace || tensor.elementCount == 0, "\(name)")
      let got = try checkpoint.tensor(name)
      #expect(got.dtype == tensor.dtype && got.shape == tensor.shape, "\(name)")
      try tensor.withUnsafeBytes { expected in
        try got.withUnsafeBytes { got in #expect(got.elementsEqual(expected), "\(name)") }
      }
      // Everything lies on a multiple of its size, and npz and HDF5 on 64 bytes.
      #expect(got.isAligned, "\(name)")
    }
  }

  /// Equal input gives equal bytes, at another time too: HDF5 keeps times in seconds.
  @Test(arguments: formats)
  func isReproducible(_ target: (CheckpointFormat, HDF5Naming)) throws {
    let directory = try TemporaryDirectory()
    let tensors = try ["a.b.c", "a.b.d", "e", "f.g"].map { name in
      (name, try Tensor([1, 2, 3] as [Float], shape: [3]))
    }
    for name in ["one", "two"] {
      if name == "two" { usleep(1_100_000) }
      try Checkpoints.write(
        directory.path(name), format: target.0, tensors: tensors, metadata: ["note": "text"],
        naming: target.1)
    }
    let written = try ["one", "two"].map { try Data(contentsOf: URL(filePath: directory.path($0))) }
    #expect(written[0] == written[1])
  }

  /// `é` in one scalar and in two are two names; neither lies inside the other.
  @Test(.enabled(if: CheckpointFormat.hdf5.isWritten)) func hdf5PathsAreBytes() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("out.h5")
    let one = try Tensor([1] as [Float], shape: [1])
    try Checkpoints.write(
      path, format: .hdf5, tensors: [("\u{e9}", one), ("e\u{301}.w", one)], naming: .nested)
    #expect(
      try Checkpoints.open(path).entries.map { Array($0.name.utf8) }
        == [Array("e\u{301}.w".utf8), Array("\u{e9}".utf8)])
  }

  /// Random names, shapes and dtypes survive every format.
  @Test(arguments: formats, 0..<8)
  func randomRoundTrip(_ target: (CheckpointFormat, HDF5Naming), _ seed: Int) throws {
    var random = SplitMix(seed: UInt64(seed))
    let tensors: [(name: String, tensor: Tensor)] = try (0..<(1 + seed * 3)).map { index in
      let shape = Shape((0..<Int(random.next() % 5)).map { _ in Int(random.next() % 6) })
      let values = (0..<shape.elementCount).map { _ in Int64(bitPattern: random.next()) }
      let tensor = try Tensor(values, shape: shape)
      switch random.next() % 3 {
      case 0: return ("p\(index).é weight", tensor)
      case 1: return ("p\(index).w#1", try tensor.converted(to: .float32))
      default: return ("p\(index)", try tensor.converted(to: .float16))
      }
    }
    let directory = try TemporaryDirectory()
    let path = directory.path("out")
    try Checkpoints.write(path, format: target.0, tensors: tensors, naming: target.1)
    let checkpoint = try Checkpoints.open(path)
    #expect(checkpoint.entries.count == tensors.count)
    for (name, tensor) in tensors {
      let got = try checkpoint.tensor(name)
      #expect(got.dtype == tensor.dtype && got.shape == tensor.shape, "\(name)")
      try tensor.withUnsafeBytes { expected in
        try got.withUnsafeBytes { got in #expect(got.elementsEqual(expected), "\(name)") }
      }
    }
  }

  @Test func referenceNamesKeepTheirRawPaths() throws {
    let directory = try TemporaryDirectory()
    let one = try Tensor([Float(1)], shape: [1])
    for format in [CheckpointFormat.npz, .hdf5] where format.isWritten {
      let path = directory.path("reference")
      try Checkpoints.write(
        path, format: format,
        tensors: [("inputs/0", one), ("activations/layer1.0.relu#1", one)])
      let checkpoint = try Checkpoints.open(path)
      #expect(
        Set(checkpoint.entries.map(\.rawPath)) == ["inputs/0", "activations/layer1.0.relu#1"])
      _ = try checkpoint.tensor("activations/layer1.0.relu#1")
    }
  }

  /// Equal tensors give equal bytes: those of the files that `tools/tests/test_written_files.py` has
  /// PyTorch read.
  @Test(arguments: [
    ("pytorch/dtypes.pth", "pytorch/written.pth"),
    ("gguf/types.gguf", "pytorch/written-with-metadata.pth"),
  ])
  func pyTorchsFilesAreReproducible(_ source: String, _ written: String) throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try Checkpoints.open(Fixtures.path(source))
    let tensors = try checkpoint.entries.map {
      (name: $0.name, tensor: try checkpoint.tensor($0.name))
    }
    try Checkpoints.write(
      directory.path("out"), format: .pytorch, tensors: tensors, metadata: checkpoint.metadata)
    let bytes = try Data(contentsOf: URL(filePath: directory.path("out")))
    #expect(try bytes == Data(contentsOf: URL(filePath: Fixtures.path(written))))
    #expect(try Checkpoints.open(directory.path("out")).metadata == checkpoint.metadata)
  }

  @Test func npyHoldsOneTensor() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("weight.npy")
    let tensor = try Tensor([Float(1), 2, 3], shape: [3])
    try Checkpoints.write(path, format: .npy, tensors: [("x", tensor)])
    #expect(try Checkpoints.open(path).tensor("weight").elements(as: Float.self) == [1, 2, 3])
    #expect(throws: WeighbridgeError.self) {
      try Checkpoints.write(path, format: .npy, tensors: [("x", tensor), ("y", tensor)])
    }
  }

  @Test(arguments: formats) func unfinishedLeavesNothing(
    _ format: CheckpointFormat, _ naming: HDF5Naming
  ) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("out")
    try Data("old".utf8).write(to: URL(filePath: path))
    let tensor = try Tensor([Float(1), 2], shape: [2])
    let plan = [
      TensorDescription(name: "a", dtype: .float32, shape: [2]),
      TensorDescription(name: "b", dtype: .float32, shape: [2]),
    ]
    do {
      let writer = try Checkpoints.writer(path, format: format, tensors: plan, naming: naming)
      try writer.add("a", tensor)
      #expect(directory.names.count == 2)
      let error = #expect(throws: WeighbridgeError.self) { try writer.finish() }
      #expect(error?.entry == "b")
    }
    do {
      let writer = try Checkpoints.writer(path, format: format, tensors: plan, naming: naming)
      try writer.add("a", tensor)
    }
    do {
      let writer = try Checkpoints.writer(path, format: format, tensors: plan, naming: naming)
      #expect(throws: WeighbridgeError.self) { try writer.add("c", tensor) }
      #expect(throws: WeighbridgeError.self) {
        try writer.add("b", tensor.converted(to: .float64))
      }
    }
    #expect(directory.names == ["out"])
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
  }

  @Test(arguments: formats) func badDestinations(
    _ format: CheckpointFormat, _ naming: HDF5Naming
  ) throws {
    let directory = try TemporaryDirectory()
    let tensor = try Tensor([Float(1)], shape: [1])
    for path in [directory.url.path, directory.path("no/such/file"), "/dev/full"] {
      let error = #expect(throws: WeighbridgeError.self) {
        try Checkpoints.write(path, format: format, tensors: [("a", tensor)], naming: naming)
      }
      #expect(error?.code == .unwritable)
      #expect(error?.file == path)
    }
    #expect(directory.names.isEmpty)
  }

  @Test func namesThatFormatsCannotHold() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("out")
    let one = try Tensor([Float(1)], shape: [1])
    let bf16 = try one.converted(to: .bfloat16)
    func fails(_ format: CheckpointFormat, _ tensors: [(String, Tensor)]) {
      #expect(throws: WeighbridgeError.self) {
        try Checkpoints.write(
          path, format: format, tensors: tensors.map { (name: $0.0, tensor: $0.1) },
          naming: .nested)
      }
    }
    fails(.npz, [("a", bf16)])
    fails(.npz, [("a", one), ("a", one)])
    fails(.npz, [("", one)])
    fails(.hdf5, [("a", one), ("a.b", one)])
    fails(.hdf5, [("a..b", one)])
    fails(.hdf5, [("a\0b", one)])
    fails(.safetensors, [("__metadata__", one)])
    #expect(directory.names.isEmpty)
  }
}
