import WeighbridgeCauses
import WeighbridgeModules

/// A module without parameters that is another function of its input in the reference: a pool where
/// nothing is done here, an interpolation of another kind.
struct KnownFunctions: Hypothesis {
  /// One function of a tensor, in words: `bilinear interpolation with align_corners true`.
  struct Function: Sendable {
    let kind: Cause.Kind
    let words: String
    let compute: @Sendable (Tensor) throws -> Tensor
  }

  func changes(for suspect: Suspect, in context: DiagnosisContext) throws -> [Change] {
    let own = suspect.own
    guard own.parameters.isEmpty, suspect.inputs.count == 1, let input = suspect.inputs.first else {
      return []
    }
    let functions = Self.functions(from: input.shape, to: suspect.recorded.shape)
    guard !functions.isEmpty else { return [] }
    let place = own.path == .root ? "the model" : own.path.name
    let result = try? own.unchanged(suspect.key)
    // What the module computes here, where it is one of them.
    let here = functions.first { function in
      guard let result, let same = try? function.compute(input) else { return false }
      return result.isNear(same)
    }
    return functions.filter { $0.words != here?.words }.map { function in
      let text =
        here.map { "\($0.words) here and \(function.words) in the reference" }
        ?? "the reference computes \(function.words) in \(place)"
      let isCorners = here.map { $0.isBilinear && function.isBilinear } ?? false
      let cause = Cause(
        isCorners ? .alignCorners : function.kind, text,
        fix: .code("compute \(function.words) in \(place)"))
      return Change(cause, own, distance: 1) { try function.compute(input) }
    }
  }

  /// The functions that lead from one shape to another, the usual ones first.
  static func functions(from input: Shape, to output: Shape) -> [Function] {
    guard input.rank > 1, output.rank > 1, input[0] == output[0] else { return [] }
    if input.rank == 4, output.rank == 4, input[1] == output[1] {
      let (size, wanted) = (Pair(input[2], input[3]), Pair(output[2], output[3]))
      guard wanted.height > 0, wanted.width > 0 else { return [] }
      let grows = wanted.height >= size.height && wanted.width >= size.width && size != wanted
      return grows ? interpolations(to: wanted) : windows(from: size, to: wanted)
    }
    if input.rank == 4, output == [input[0], input[1]] {
      return [
        Function(kind: .poolingForm, words: "the mean over the image") {
          try $0.mean(axes: [2, 3])
        },
        Function(kind: .poolingForm, words: "the maximum over the image") {
          try $0.reduced(.maximum, axes: [2, 3])
        },
      ]
    }
    if input.rank == 3, output == [input[0], input[2]] { return tokens(input[1]) }
    return []
  }

  private static func interpolations(to size: Pair<Int>) -> [Function] {
    KnownInterpolation.allCases.map { form in
      Function(kind: .interpolationForm, words: form.words) { try form.resized($0, to: size) }
    }
  }

  private static func tokens(_ count: Int) -> [Function] {
    var found = [
      Function(kind: .tokenPooling, words: "the mean over the tokens") { try $0.mean(axes: [1]) },
      Function(kind: .tokenPooling, words: "the first token") { try $0.selected(1, 0) },
      Function(kind: .tokenPooling, words: "the last token") { try $0.selected(1, count - 1) },
      Function(kind: .tokenPooling, words: "the maximum over the tokens") {
        try $0.reduced(.maximum, axes: [1])
      },
    ]
    if count > 1 {
      found.append(
        Function(kind: .tokenPooling, words: "the mean over the tokens without the first") {
          try $0.narrowed(1, start: 1, length: count - 1).mean(axes: [1])
        })
    }
    return found
  }

  /// Pools by the usual windows that give the wanted size, and every so many-th pixel.
  private static func windows(from size: Pair<Int>, to wanted: Pair<Int>) -> [Function] {
    let image: Shape = [1, 1, size.height, size.width]
    var found: [Function] = []
    var seen: Set<PoolingGeometry> = []
    let steps = Set([
      size.height / wanted.height, (size.height + wanted.height - 1) / wanted.height,
    ])
    for step in steps.sorted() where step > 0 {
      for kernel in [step, 3, 2, 5, 7] where kernel > 1 {
        for padding in [0, kernel / 2] where 2 * padding <= kernel {
          for (kind, word) in [
            (PoolingGeometry.Kind.average(countIncludePad: true), "mean"),
            (.average(countIncludePad: false), "mean without the padding"), (.maximum, "maximum"),
          ] {
            let geometry = PoolingGeometry(
              kind, kernel: Pair(kernel), stride: Pair(step), padding: Padding(padding, padding),
              ceilMode: step > 1 && size.height % step != 0)
            guard let shape = try? geometry.outputShape(input: image),
              shape[2] == wanted.height, shape[3] == wanted.width, seen.insert(geometry).inserted
            else { continue }
            let words =
              "the \(word) over windows of \(kernel) at stride \(step), padding \(padding)"
            found.append(Function(kind: .poolingForm, words: words) { try $0.pooled(geometry) })
          }
        }
      }
      if step > 1 {
        found.append(
          Function(kind: .poolingForm, words: "every pixel at stride \(step)") {
            try $0.strided(2, start: 0, step: step).strided(3, start: 0, step: step).contiguous()
          })
      }
    }
    if wanted != size {
      found.append(
        Function(
          kind: .poolingForm, words: "the adaptive mean of \(wanted.height) × \(wanted.width)"
        ) { try $0.adaptiveAveragePooled(to: wanted) })
    }
    return found
  }
}

extension KnownFunctions.Function {
  fileprivate var isBilinear: Bool { words.hasPrefix("bilinear") }
}
