import WeighbridgeWeights

extension NetworkReader {
  /// The constants with their values, which have the shapes and dtypes that the text says.
  mutating func constants(_ constant: (Int) throws -> Tensor) throws -> [Tensor] {
    var index = 0
    return try list("constants", "constant") { reader, value in
      let shape = try reader.counts(value["shape"], "shape")
      let dtype = try reader.text(value, "dtype")
      let tensor = try constant(index)
      guard tensor.shape.dimensions == shape else {
        throw reader.failure("it has the shape \(tensor.shape) and not \(shape)")
      }
      guard let known = DType(rawValue: dtype) else {
        throw reader.failure("its dtype \(dtype) is not known")
      }
      index += 1
      // Files keep conditions and 16-bit numbers as what they can hold.
      guard tensor.dtype != known else { return tensor }
      return known == .bool
        ? try tensor.casted(to: .bool)
        : known == .bfloat16 || known == .float16 ? tensor : try tensor.converted(to: known)
    }
  }

  /// The tree of modules.
  mutating func nodes() throws -> [Network.Node] {
    var places: [String: Int] = [:]
    let nodes = try list("modules", "module") { reader, value in
      let node = try reader.node(value, places)
      guard places.updateValue(places.count, forKey: node.path) == nil else {
        throw reader.failure("there are two modules '\(node.path)'")
      }
      let owner = Network.divided(node.path).owner
      guard node.path.isEmpty || places[owner] != nil else {
        throw reader.failure("'\(node.path)' comes before '\(owner)'")
      }
      return node
    }
    guard nodes.first?.path == "" else { throw failure("the first module is not the root") }
    return nodes
  }

  private mutating func node(
    _ value: JSONDocument, _ known: [String: Int]
  ) throws -> Network.Node {
    _ = try members(value, "it")
    let path = try text(value, "path")
    if value["same_as"] != nil {
      let other = try text(value, "same_as")
      guard let original = known[other], other != path else {
        throw failure("'\(path)' is the same as '\(other)', which does not precede it")
      }
      return Network.Node(
        path: path, original: original, className: "", attributes: [], parameters: [],
        buffers: [], calls: [])
    }
    let attributes = try value["attributes"].map { try members($0, "attributes") } ?? []
    return Network.Node(
      path: path, original: nil, className: try text(value, "class"),
      attributes: try attributes.map { (try named($0.key), try attribute($0.value, depth: 0)) },
      parameters: try tensors(value["parameters"]), buffers: try tensors(value["buffers"]),
      calls: try counts(value["calls"], "calls"))
  }

  private func tensors(_ value: JSONDocument?) throws -> [Network.TensorDescription] {
    guard let value else { return [] }
    return try members(value, "a list of tensors").map { member in
      let (name, said) = (try named(member.key), member.value)
      let constant =
        said["constant"] == nil ? nil : try count(said["constant"], "the constant of \(name)")
      if let constant, constant >= constantCount {
        throw failure("\(name) is kept as constant \(constant), which is not there")
      }
      let shape = try counts(said["shape"], "the shape of \(name)")
      _ = try Shape.validated(shape, dtype: .float64)
      return Network.TensorDescription(
        name: name, shape: shape, dtype: try text(said, "dtype"), constant: constant)
    }
  }

  func limit(_ value: JSONDocument) throws -> Network.Limit {
    let kinds = [
      "control-flow", "custom-operator", "function", "random", "in-place", "escape", "object",
      "values", "batch", "size",
    ]
    let kind = try text(value, "kind")
    guard kinds.contains(kind) else { throw failure("it is of no known kind") }
    return Network.Limit(
      kind: kind, module: try text(value, "module"), text: try text(value, "text"),
      place: try place(value))
  }

  func variation(_ value: JSONDocument) throws -> Network.Variation {
    guard let kind = Network.Variation.Kind(rawValue: try text(value, "kind")),
      let result = Network.Variation.Result(rawValue: try text(value, "result")),
      let shapes = value["shapes"]?.arrayValue
    else { throw failure("it is no variation") }
    let modules = value["modules"]?.arrayValue ?? []
    return Network.Variation(
      kind: kind, shapes: try shapes.map { try counts($0, "shape") }, result: result,
      modules: try modules.map { module in
        guard let path = module.stringValue else { throw failure("a module is no text") }
        return try named(path)
      }, text: value["text"]?.stringValue)
  }
}
