import WeighbridgeTensors

/// What a model's operators say of its initialisers: exporters give the weight of a linear layer another
/// name and order when they write it as a product of matrices.
struct ONNXGraph {
  private struct Node {
    var (kind, name) = ("", "")
    var inputs: [String] = []
    var outputs: [String] = []
    /// Whether a `Gemm` transposes its second input.
    var transposes = false
  }

  /// The products of matrices, by the initialiser that is their second input.
  private var products: [String: [Node]] = [:]
  /// The other summand, by what is added to it.
  private var summands: [String: [String]] = [:]

  private enum Field {
    static let (input, output, name, kind, attribute) = (1, 2, 3, 4, 5)
    static let (attributeName, attributeInteger) = (1, 3)
  }

  /// Reads one `NodeProto`; what is damaged says nothing.
  mutating func add(_ message: Range<Int>, _ file: UnsafeRawBufferPointer) {
    guard let node = try? ONNXGraph.node(message, file) else { return }
    switch node.kind {
    case "MatMul", "Gemm":
      guard node.inputs.count > 1 else { return }
      products[node.inputs[1], default: []].append(node)
    case "Add":
      guard node.inputs.count == 2 else { return }
      summands[node.inputs[0], default: []].append(node.inputs[1])
      summands[node.inputs[1], default: []].append(node.inputs[0])
    default: return
    }
  }

  private static func node(_ message: Range<Int>, _ file: UnsafeRawBufferPointer) throws -> Node {
    var (reader, node) = (ProtobufReader(file, message), Node())
    while let field = try reader.next() {
      guard let range = field.bytes else { continue }
      switch field.number {
      case Field.input: node.inputs.append(reader.text(range))
      case Field.output: node.outputs.append(reader.text(range))
      case Field.name: node.name = reader.text(range)
      case Field.kind: node.kind = reader.text(range)
      case Field.attribute: node.transposes = try node.transposes || isTransposition(range, file)
      default: break
      }
    }
    return node
  }

  private static func isTransposition(
    _ message: Range<Int>, _ file: UnsafeRawBufferPointer
  ) throws -> Bool {
    var (reader, name, value) = (ProtobufReader(file, message), "", UInt64(0))
    while let field = try reader.next() {
      if field.number == Field.attributeName, let range = field.bytes { name = reader.text(range) }
      if field.number == Field.attributeInteger { value = field.varint ?? 0 }
    }
    return name == "transB" && value == 1
  }

  /// What an initialiser is to PyTorch; `nil` where it is used as PyTorch has it, or where the operators
  /// do not tell.
  ///
  /// - Parameter names: The names of all initialisers.
  func form(_ entry: CheckpointEntry, _ names: Set<String>) -> EntryForm? {
    let (name, shape) = (entry.name, entry.shape)
    // Shapes and axes have names of no module.
    if !name.contains("."), !entry.dtype.isFloatingPoint || shape.rank == 0 {
      return .beside("constants of the graph")
    }
    guard shape.rank == 2, let uses = products[name], uses.allSatisfy({ !$0.transposes }) else {
      return nil
    }
    if name.hasSuffix(".weight") { return .parameter(name, [.permute([1, 0])]) }
    let owners = Set(uses.compactMap { owner(of: $0, names) })
    guard let owner = owners.first, owners.count == 1, !names.contains(owner + ".weight") else {
      return nil
    }
    return .parameter(owner + ".weight", [.permute([1, 0])])
  }

  /// The module whose product it is: by the bias that is added to it, else by the operator's name, in
  /// which PyTorch's exporter writes the modules around it.
  private func owner(of node: Node, _ names: Set<String>) -> String? {
    let biases = node.outputs.flatMap { summands[$0] ?? [] } + node.inputs.dropFirst(2)
    let owners = Set(
      biases.filter { names.contains($0) && $0.hasSuffix(".bias") }.map { $0.dropLast(5) })
    if let owner = owners.first { return owners.count == 1 ? String(owner) : nil }
    guard node.name.hasPrefix("/"), node.name.utf8.count <= 4096 else { return nil }
    // `/layer1/layer1.0/fc/MatMul`: a list's member repeats the list's name.
    let path = node.name.split(separator: "/").dropLast().reduce("") { path, part in
      part.hasPrefix(path + ".") ? String(part) : path.isEmpty ? String(part) : "\(path).\(part)"
    }
    return path.isEmpty ? nil : path
  }
}
