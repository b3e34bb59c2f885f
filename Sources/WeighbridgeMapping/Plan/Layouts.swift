import WeighbridgeModules
import WeighbridgeTensors

/// The order of a weight's axes in a file, beside PyTorch's own.
struct AxisLayout: Hashable {
  let name: String
  /// `torch.permute` with these axes gives PyTorch's order.
  let axes: [Int]

  static let kernels = [
    AxisLayout(name: "HWIO", axes: [3, 2, 0, 1]), AxisLayout(name: "OHWI", axes: [0, 3, 1, 2]),
    AxisLayout(name: "IOHW", axes: [1, 0, 2, 3]), AxisLayout(name: "HWOI", axes: [2, 3, 0, 1]),
  ]
  /// Of transposed convolutions, whose inputs come first in PyTorch: Keras, Flax and a convolution's.
  static let transposedKernels = [
    AxisLayout(name: "HWOI", axes: [3, 2, 0, 1]), AxisLayout(name: "HWIO", axes: [2, 3, 0, 1]),
    AxisLayout(name: "OIHW", axes: [1, 0, 2, 3]),
  ]
  /// Over sequences.
  static let sequenceKernels = [
    AxisLayout(name: "LIO", axes: [2, 1, 0]), AxisLayout(name: "OLI", axes: [0, 2, 1]),
  ]
  static let matrices = [AxisLayout(name: "[in, out]", axes: [1, 0])]

  /// Whether a tensor of `found` has the shape `expected` once its axes are in PyTorch's order.
  func leads(from found: Shape, to expected: Shape) -> Bool {
    found.rank == axes.count && axes.map { found[$0] } == expected.dimensions
  }

  /// Whether the order of the elements of such a tensor changes at all.
  func moves(_ shape: Shape) -> Bool {
    let extended = axes.filter { shape[$0] != 1 }
    return extended != extended.sorted()
  }
}

/// Weights whose layouts are told together: a framework writes all its kernels alike, and depthwise
/// ones by a rule of their own.
private enum LayoutGroup: String, Hashable {
  case kernel = "kernels"
  case depthwise = "depthwise kernels"
  case transposedKernel = "transposed kernels"
  case sequenceKernel = "kernels over sequences"
  case matrix = "matrices"

  init?(_ request: ParameterRequest) {
    switch (request.role, request.shape.rank) {
    case (.convolutionWeight, 4):
      self = request.shape[1] == 1 && request.shape[0] > 1 ? .depthwise : .kernel
    case (.transposedConvolutionWeight, 4): self = .transposedKernel
    case (.sequenceConvolutionWeight, 3): self = .sequenceKernel
    case (.linearWeight, 2): self = .matrix
    default: return nil
    }
  }

  var layouts: [AxisLayout] {
    switch self {
    case .kernel, .depthwise: AxisLayout.kernels
    case .transposedKernel: AxisLayout.transposedKernels
    case .sequenceKernel: AxisLayout.sequenceKernels
    case .matrix: AxisLayout.matrices
    }
  }
}

/// What the shapes of one group show.
private struct LayoutEvidence {
  /// Weights that are in another layout beyond doubt, and which it can be.
  var displaced: [(request: ParameterRequest, tensor: MappedTensor, layouts: [AxisLayout])] = []
  /// Weights that a rule brought from a layout that their shape shows.
  var moved: [AxisLayout] = []
  /// Weights that are in PyTorch's order beyond doubt.
  var kept = 0
  /// Weights whose shape fits in PyTorch's order and in another, and for which no rule speaks.
  var open: [(request: ParameterRequest, tensor: MappedTensor)] = []

  /// The layouts that explain every displaced weight.
  var common: [AxisLayout] {
    let choices = displaced.map(\.layouts) + moved.map { [$0] }
    guard let first = choices.first else { return [] }
    return first.filter { layout in choices.allSatisfy { $0.contains(layout) } }
  }
}

extension MappingReport {
  /// Holds the layouts of all kernels and matrices of a file together: suggests a rule for what has
  /// evidently another one, and lists as undecided what its shape alone cannot tell.
  mutating func judgeLayouts(_ ledger: Ledger, _ stateDict: StateDict) {
    let evidence = LayoutEvidence.gathered(ledger, stateDict)
    for (group, found) in evidence.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      let common = found.common
      for item in found.displaced {
        let layouts = common.isEmpty ? item.layouts : common
        if let only = layouts.first, layouts.count == 1, item.tensor.isPlain {
          suggestions.append(.layout(item.request, item.tensor, only))
        } else {
          undecided.append(
            Undecided(item.request, item.tensor, layouts, because: "several orders have its shape"))
        }
      }
      let shown = found.displaced.count + found.moved.count
      // Where most weights are in PyTorch's order, a few others cast no doubt on the rest.
      guard shown > found.kept, let layout = common.first else { continue }
      let why =
        "its shape fits in PyTorch's order and as \(layout.name), which "
        + "\(shown) other \(group.rawValue) evidently \(shown == 1 ? "is" : "are")"
      for item in found.open where layout.leads(from: item.tensor.shape, to: item.request.shape) {
        guard layout.moves(item.tensor.shape) else { continue }
        undecided.append(Undecided(item.request, item.tensor, common, because: why))
      }
    }
  }
}

extension LayoutEvidence {
  fileprivate static func gathered(
    _ ledger: Ledger, _ stateDict: StateDict
  ) -> [LayoutGroup: LayoutEvidence] {
    let tensors = Dictionary(stateDict.tensors.map { ($0.name, $0) }) { first, _ in first }
    var evidence: [LayoutGroup: LayoutEvidence] = [:]
    for request in ledger.requests {
      guard let tensor = tensors[request.name], let group = LayoutGroup(request) else { continue }
      evidence[group, default: LayoutEvidence()].add(request, tensor, group.layouts)
    }
    return evidence
  }

  private mutating func add(
    _ request: ParameterRequest, _ tensor: MappedTensor, _ all: [AxisLayout]
  ) {
    let layouts = all.filter { $0.leads(from: tensor.shape, to: request.shape) }
    guard tensor.shape == request.shape else {
      if !layouts.isEmpty { displaced.append((request, tensor, layouts)) }
      return
    }
    if let layout = tensor.decidedLayout {
      // A rule for a weight that fits either way is what somebody knows, and shows nothing.
      guard let axes = layout.axes, let known = all.first(where: { $0.axes == axes }) else {
        return
      }
      let before = Shape(
        known.axes.indices.map { request.shape[known.axes.firstIndex(of: $0) ?? 0] })
      if before != request.shape { moved.append(known) }
      return
    }
    if layouts.isEmpty {
      kept += 1
    } else {
      open.append((request, tensor))
    }
  }
}

/// What rules say of a tensor's layout.
struct DecidedLayout: Sendable, Hashable {
  /// The one permutation that they made; `nil` where they made several.
  var axes: [Int]?
}

extension MappedTensor {
  /// Whether a rule can name it: it is one entry of the file.
  var isPlain: Bool { recipe.sources.count == 1 }

  /// The name in the file before wrappers came off. Rules see the file's names.
  func fileName(of name: String) -> String {
    if form != nil, name == self.name, let source = recipe.sources.first { return source }
    return recipe.sources.first.flatMap { source in
      source.hasSuffix(self.name) ? String(source.dropLast(self.name.count)) + name : nil
    } ?? name
  }
}

extension MappingReport.Suggestion {
  fileprivate static func layout(
    _ request: ParameterRequest, _ tensor: MappedTensor, _ layout: AxisLayout
  ) -> Self {
    let pattern = NamePattern.exact(tensor.fileName(of: tensor.name))
    let isMatrix = layout.axes.count == 2
    return Self(
      parameter: request.name, source: tensor.source,
      reason: isMatrix ? "transposed" : "a kernel in \(layout.name) order",
      rule: isMatrix
        ? Rule(.transpose(pattern, axes: [-2, -1])) : Rule(.permute(pattern, axes: layout.axes)))
  }
}

extension MappingReport.Undecided {
  fileprivate init(
    _ request: ParameterRequest, _ tensor: MappedTensor, _ layouts: [AxisLayout],
    because reason: String
  ) {
    let pattern = NamePattern.exact(tensor.fileName(of: tensor.name))
    let identity = Array(0..<tensor.shape.rank)
    let fits = tensor.shape == request.shape
    self.init(
      parameter: request.name, source: tensor.source, shape: tensor.shape, reason: reason,
      rules: layouts.map { Rule(.permute(pattern, axes: $0.axes)) }
        + (fits ? [Rule(.permute(pattern, axes: identity))] : []))
  }
}
