import WeighbridgeTensors

/// The initialisers of an ONNX model, and what it says about itself.
///
/// Source: `ModelProto` and `GraphProto` in onnx/onnx.proto3 of ONNX 1.x.
struct ONNXListing {
  private(set) var entries: [CheckpointEntry] = []
  /// Per entry.
  private(set) var tensors: [ONNXTensor] = []
  private(set) var skipped: [SkippedEntry] = []
  private(set) var metadata: [String: String] = [:]

  private enum Model {
    static let (version, producer, producerVersion, domain, release) = (1, 2, 3, 4, 5)
    static let (note, graph, opsets, properties) = (6, 7, 8, 14)
    /// Training, functions and configurations, which hold no weights of the network.
    static let known: Set<Int> = [1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26]
  }

  private enum Graph {
    static let (nodes, initialisers, sparse) = (1, 5, 15)
  }

  private static let longestText = 64 << 10

  /// Whether a file is a model: the version of its form, then nothing but a model's fields up to a graph.
  static func isPresent(_ file: UnsafeRawBufferPointer) -> Bool {
    guard file.count > 4, file[0] == 0x08 else { return false }
    var reader = ProtobufReader(file)
    while reader.position < file.count {
      let start = reader.position
      guard let tag = try? reader.varint() else { return false }
      if tag == UInt64(Model.graph << 3 | 2) { return true }
      guard Model.known.contains(Int(clamping: tag >> 3)) else { return false }
      reader = ProtobufReader(file, start..<file.count)
      guard (try? reader.next()) != nil else { return false }
    }
    return false
  }

  /// - Throws: `malformed` when the messages around the tensors are damaged. What is wrong with a
  ///   tensor is its reason.
  init(_ file: UnsafeRawBufferPointer) throws {
    var reader = ProtobufReader(file)
    var hasGraph = false
    while let field = try reader.next() {
      switch field.number {
      case Model.version: metadata["ir_version"] = field.varint.map(String.init)
      case Model.producer: note("producer_name", field, reader)
      case Model.producerVersion: note("producer_version", field, reader)
      case Model.domain: note("domain", field, reader)
      case Model.note: note("doc_string", field, reader)
      case Model.release: metadata["model_version"] = field.varint.map(String.init)
      case Model.properties: try addProperty(field, file)
      case Model.graph:
        guard let range = field.bytes, !hasGraph else {
          throw ProtobufReader.damaged("it has several graphs")
        }
        hasGraph = true
        try readGraph(ProtobufReader(file, range))
      default: break
      }
    }
    guard hasGraph else { throw ProtobufReader.damaged("it has no graph") }
  }

  private mutating func note(
    _ key: String, _ field: ProtobufReader.Field, _ reader: ProtobufReader
  ) {
    guard let range = field.bytes, !range.isEmpty, range.count <= ONNXListing.longestText else {
      return
    }
    metadata[key] = reader.text(range)
  }

  /// A pair of texts that whoever made the model gave it.
  private mutating func addProperty(
    _ field: ProtobufReader.Field, _ file: UnsafeRawBufferPointer
  ) throws {
    guard let range = field.bytes, metadata.count < 4096 else { return }
    var reader = ProtobufReader(file, range)
    var (key, value): (String?, String?)
    while let field = try reader.next() {
      guard let range = field.bytes, range.count <= ONNXListing.longestText else { continue }
      if field.number == 1 { key = reader.text(range) }
      if field.number == 2 { value = reader.text(range) }
    }
    if let key, let value, !key.isEmpty { metadata[key] = value }
  }

  private mutating func readGraph(_ graph: ProtobufReader) throws {
    var graph = graph
    var operators = ONNXGraph()
    while let field = try graph.next() {
      guard let range = field.bytes else { continue }
      switch field.number {
      case Graph.nodes: operators.add(range, graph.file)
      case Graph.initialisers: add(range, graph.file)
      case Graph.sparse: skipSparse(range, graph.file)
      default: break
      }
    }
    let names = Set(entries.map(\.name))
    entries = entries.map { entry in
      CheckpointEntry(
        name: entry.name, dtype: entry.dtype, shape: entry.shape, storage: entry.storage,
        form: operators.form(entry, names))
    }
  }

  private mutating func add(_ message: Range<Int>, _ file: UnsafeRawBufferPointer) {
    let name = ONNXTensor.name(message, in: file)
    do {
      let tensor = try ONNXTensor(message, in: file)
      entries.append(
        CheckpointEntry(
          name: name, dtype: tensor.dtype, shape: tensor.shape, storage: tensor.storage))
      tensors.append(tensor)
    } catch {
      let reason = (error as? SkipError)?.reason ?? SkipError(error).reason
      skipped.append(SkippedEntry(name: name, reason: reason))
    }
  }

  /// A sparse tensor is named by its values.
  private mutating func skipSparse(_ message: Range<Int>, _ file: UnsafeRawBufferPointer) {
    var reader = ProtobufReader(file, message)
    var name = ""
    while let field = try? reader.next() {
      if field.number == 1, let range = field.bytes { name = ONNXTensor.name(range, in: file) }
    }
    skipped.append(
      SkippedEntry(
        name: name, reason: SkipReason(.encoding, "is a sparse tensor, which is not read")))
  }
}
