import WeighbridgeTensors

/// A weight that PyTorch computes from other tensors before each forward, with the axis that the
/// formula keeps.
package enum Reparametrisation: Sendable, Hashable {
  /// `torch.nn.utils.weight_norm`: w = v · (g / ‖v‖), the norm over every axis but `axis`, or over all
  /// of them for `nil`. Of the tensors [v, g]. There is no eps: a direction of zeros gives NaN, as in
  /// PyTorch.
  case weightNorm(axis: Int?)
  /// `torch.nn.utils.spectral_norm` in eval mode: w = W / σ, σ = u · (M v), where M is W with `axis`
  /// first and the others flattened in order. Of the tensors [W, u, v]. The eps of PyTorch's power
  /// iteration is no part of it: u and v are stored normalised.
  case spectralNorm(axis: Int)

  /// The axis of a weight normalisation, which the magnitude's shape tells: the one along which it
  /// extends.
  ///
  /// - Throws: `shape` when it is no magnitude of that direction.
  static func weightNorm(direction v: Shape, magnitude g: Shape) throws -> Reparametrisation {
    if g.elementCount == 1, g.rank == 0 || g.rank == v.rank { return .weightNorm(axis: nil) }
    let axes = g.indices.filter { g[$0] != 1 }
    guard g.rank == v.rank, axes.count == 1, let axis = axes.first, g[axis] == v[axis] else {
      throw WeighbridgeError(.shape, "a magnitude of \(g) does not belong to a direction of \(v)")
    }
    return .weightNorm(axis: axis)
  }

  /// - Throws: `shape` when u and v are not of that weight.
  static func spectralNorm(
    weight: Shape, u: Shape, v: Shape, axis: Int
  ) throws -> Reparametrisation {
    let axis = try weight.resolvedAxis(axis)
    guard weight.rank >= 2, u == [weight[axis]], v.rank == 1,
      weight[axis] > 0, v[0] == weight.elementCount / weight[axis]
    else {
      throw WeighbridgeError(
        .shape, "u of \(u) and v of \(v) do not belong to axis \(axis) of a weight of \(weight)")
    }
    return .spectralNorm(axis: axis)
  }

  /// The weight, in the dtype of the first tensor. Sums are made in float64 and rounded once; the rest
  /// is computed in PyTorch's order, so that a weight differs from PyTorch's by the rounding of one
  /// norm.
  ///
  /// - Throws: `shape` when the tensors do not fit.
  func weight(of tensors: [Tensor]) throws -> Tensor {
    guard let first = tensors.first else {
      throw WeighbridgeError(.shape, "there is nothing to compute a weight of")
    }
    return first.dtype == .float64
      ? try weight(tensors, as: Double.self)
      : try weight(tensors, as: Float.self).converted(to: first.dtype)
  }

  private func weight<T: TensorElement & BinaryFloatingPoint>(
    _ tensors: [Tensor], as type: T.Type
  ) throws -> Tensor {
    let shape = tensors[0].shape
    var weight = try tensors[0].elements(as: type)
    let others = try tensors.dropFirst().map { try $0.elements(as: type) }
    switch (self, others.count) {
    case (.weightNorm(let axis), 1):
      let rows = Rows(shape, axis: axis)
      guard others[0].count == rows.count else { break }
      var squares = [Double](repeating: 0, count: rows.count)
      rows.forEach { row, index in squares[row] += Double(weight[index]) * Double(weight[index]) }
      let factors = zip(others[0], squares).map { g, square in g / T(square.squareRoot()) }
      rows.forEach { row, index in weight[index] *= factors[row] }
      return try Tensor(weight, shape: shape)
    case (.spectralNorm(let axis), 2):
      let rows = Rows(shape, axis: axis)
      let (u, v) = (others[0], others[1])
      guard u.count == rows.count, v.count == rows.length else { break }
      var products = [Double](repeating: 0, count: rows.count)
      rows.forEach { row, index in
        products[row] += Double(weight[index]) * Double(v[rows.column(of: index)])
      }
      let sigma = T(zip(u, products).reduce(0.0) { $0 + Double($1.0) * $1.1 })
      for index in weight.indices { weight[index] /= sigma }
      return try Tensor(weight, shape: shape)
    default: break
    }
    throw WeighbridgeError(.shape, "the tensors of a \(self) do not fit each other")
  }
}

extension Reparametrisation: CustomStringConvertible {
  package var description: String {
    switch self {
    case .weightNorm(let axis?): "weight norm along axis \(axis)"
    case .weightNorm(nil): "weight norm over all axes"
    case .spectralNorm(let axis): "spectral norm along axis \(axis)"
    }
  }
}

/// The elements of a packed tensor as rows along one axis, the others flattened in order.
private struct Rows {
  let count: Int
  /// The elements of a row.
  let length: Int
  private let inner: Int

  /// - Parameter axis: `nil` for one row of all.
  init(_ shape: Shape, axis: Int?) {
    count = axis.map { shape[$0] } ?? 1
    inner = axis.map { shape.dimensions[($0 + 1)...].reduce(1, *) } ?? shape.elementCount
    length = count > 0 ? shape.elementCount / count : 0
  }

  /// Calls `body` with the row and the position of every element, in order.
  func forEach(_ body: (Int, Int) -> Void) {
    guard inner > 0, count > 0 else { return }
    for index in 0..<(length * count) { body(index / inner % count, index) }
  }

  /// The position of an element in its row.
  func column(of index: Int) -> Int { index / (inner * count) * inner + index % inner }
}
