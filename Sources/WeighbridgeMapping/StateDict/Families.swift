import WeighbridgeTensors

/// Tensors that together are one weight: what PyTorch's reparametrisations leave in a state dict.
struct TensorFamily {
  /// The weight's name: `layer1.0.conv.weight`.
  let weight: String
  /// The rule that computes it.
  let rule: Rule
  /// The same on the file's names, wrappers and all.
  let fileRule: Rule
}

extension TensorFamily {
  /// The forms in which a reparametrised weight NAME of a module is written.
  private static let forms: [(first: String, others: [String], isSpectral: Bool)] = [
    (".NAME_v", [".NAME_g"], false),
    (".parametrizations.NAME.original1", [".parametrizations.NAME.original0"], false),
    (".NAME_orig", [".NAME_u", ".NAME_v"], true),
    (
      ".parametrizations.NAME.original",
      [".parametrizations.NAME.0._u", ".parametrizations.NAME.0._v"], true
    ),
  ]

  /// What stands for a weight and is none: never to be renamed to it. With why.
  static func partReason(_ name: String) -> String? {
    if name.contains("parametrizations.") { return "a part of a parametrised weight" }
    for (end, what) in [
      ("_g", "the magnitude of a weight-normalised"), ("_v", "the direction of a normalised"),
      ("_orig", "the unnormalised weight of a"),
      ("_u", "the left vector of a spectrally normalised"),
    ] where name.hasSuffix(end) {
      return "\(what) layer"
    }
    return nil
  }

  /// The complete families of a state dict whose weight is not there itself, in its order.
  static func complete(_ tensors: [MappedTensor]) -> [TensorFamily] {
    let byName = Dictionary(tensors.map { ($0.name, $0) }) { first, _ in first }
    return tensors.compactMap { tensor in
      for form in forms {
        guard let (module, name) = parts(tensor.name, form.first) else { continue }
        let weight = "\(module)\(name)"
        let names = form.others.map { other in
          module + other.dropFirst().replacing("NAME", with: name)
        }
        let others = names.compactMap { byName[$0] }
        guard byName[weight] == nil, others.count == names.count,
          let rule = rule(tensor, others, weight: weight, isSpectral: form.isSpectral)
        else { continue }
        let fileRule = TensorFamily.rule(
          tensor.renamed(to: tensor.fileName(of: tensor.name)),
          others.map { $0.renamed(to: $0.fileName(of: $0.name)) },
          weight: tensor.fileName(of: weight), isSpectral: form.isSpectral)
        return TensorFamily(weight: weight, rule: rule, fileRule: fileRule ?? rule)
      }
      return nil
    }
  }

  private static func rule(
    _ tensor: MappedTensor, _ others: [MappedTensor], weight: String, isSpectral: Bool
  ) -> Rule? {
    guard tensor.dtype.isFloatingPoint else { return nil }
    let (pattern, into) = (NamePattern.exact(tensor.name), weight.escapingDollars)
    let names = others.map(\.name.escapingDollars)
    if isSpectral {
      // PyTorch normalises along axis 0, transposed convolutions along axis 1.
      let axis = [0, 1].first { axis in
        axis < tensor.shape.rank
          && (try? Reparametrisation.spectralNorm(
            weight: tensor.shape, u: others[0].shape, v: others[1].shape, axis: axis)) != nil
      }
      return axis.map {
        Rule(.spectralNorm(pattern, u: names[0], v: names[1], axis: $0, into: into))
      }
    }
    guard
      (try? Reparametrisation.weightNorm(direction: tensor.shape, magnitude: others[0].shape))
        != nil
    else { return nil }
    return Rule(.weightNorm(pattern, magnitude: names[0], into: into))
  }

  /// The module, with its dot, and the weight's name, where a name is of a form.
  private static func parts(_ name: String, _ form: String) -> (module: String, name: String)? {
    let halves = form.split(separator: "NAME", omittingEmptySubsequences: false)
    guard halves.count == 2, name.hasSuffix(halves[1]) else { return nil }
    let front = name.dropLast(halves[1].count)
    // A weight of the root has no dot before it.
    let dotted = "." + front
    let lead = halves[0]
    guard let range = dotted.ranges(of: lead).last else { return nil }
    let weight = dotted[range.upperBound...]
    guard !weight.isEmpty, !weight.contains(".") else { return nil }
    let module = dotted[..<range.lowerBound].dropFirst()
    return (module.isEmpty ? "" : module + ".", String(weight))
  }
}
