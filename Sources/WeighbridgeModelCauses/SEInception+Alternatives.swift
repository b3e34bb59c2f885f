import WeighbridgeCauses
import WeighbridgeModels
import WeighbridgeModules

extension InceptionA: Diagnosable {
  package func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    Smoothing.alternatives(path, countsPadding) { try forward($0, smoothed: $1) }
  }
}

extension InceptionC: Diagnosable {
  package func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    Smoothing.alternatives(path, countsPadding) { try forward($0, smoothed: $1) }
  }
}

extension InceptionE: Diagnosable {
  package func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    Smoothing.alternatives(path, countsPadding) { try forward($0, smoothed: $1) }
  }
}

/// The other ways of averaging in the pooling branches.
private enum Smoothing {
  /// - Parameter forward: Computes a block from its input and what its pooling branch reads.
  static func alternatives(
    _ path: ModulePath, _ counts: Bool,
    _ forward: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
  ) -> [Alternative<Tensor, Tensor>] {
    let maximum = PoolingGeometry(.maximum, kernel: 3, stride: 1, padding: 1)
    return [
      Alternative(
        Cause(
          .countIncludePad, "count_include_pad is \(counts) here and \(!counts) in the reference",
          fix: .configuration(key: "count_include_pad", value: .boolean(!counts)))
      ) { try forward($0, $0.smoothed(countsPadding: !counts)) },
      Alternative(
        Cause(
          .poolingForm, "the reference takes the maximum in the pooling branch",
          fix: .code("take the maximum in \(path)'s pooling branch"))
      ) { try forward($0, $0.pooled(maximum)) },
      Alternative(
        Cause(
          .moduleSkipped, "the reference does not pool in the pooling branch",
          fix: .code("leave the average of \(path)'s pooling branch out"))
      ) { try forward($0, $0) },
    ]
  }
}

extension Inception3: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    let other = !transformsInput
    return [
      Alternative(
        Cause(
          .inputNormalization,
          "transform_input is \(transformsInput) here and \(other) in the reference",
          fix: .configuration(key: "transform_input", value: .boolean(other)))
      ) { try ended(classified(other ? transformed($0) : $0)) }
    ]
  }
}

extension SEInception3: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    let other = model.softmax == nil
    return [
      Alternative(
        Cause(
          other ? .operationLeftOut : .operationExtra,
          "softmax is \(!other) here and \(other) in the reference",
          fix: .configuration(key: "softmax", value: .boolean(other)))
      ) { input in
        let logits = try model.logits(input)
        return other ? try logits.softmax(axis: 1) : logits
      }
    ]
  }
}

extension BasicConv2d: Diagnosable {
  package func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    Activation.relu.alternatives("after bn", path) { try bn(conv($0)).activated(ifAny: $1) }
  }
}
