import WeighbridgeCheckpoints
import WeighbridgeTensors

/// How a tensor comes from a checkpoint's entries: read nothing until `tensor(from:)` is called.
package indirect enum TensorRecipe: Sendable, Hashable {
  /// An entry of the file, by name.
  case entry(String)
  /// A tensor with its axes, extents, order or dtype changed.
  case changed(TensorRecipe, TensorChange)
  /// A part of an axis.
  case part(TensorRecipe, axis: Int, start: Int, length: Int)
  /// Tensors joined along an axis, existing or new.
  case joined([TensorRecipe], axis: Int, isNew: Bool)
  /// A weight computed from the tensors that PyTorch keeps for it.
  case computed([TensorRecipe], Reparametrisation)
}

/// A change to one tensor.
package enum TensorChange: Sendable, Hashable {
  /// `torch.permute` to these axes.
  case permute([Int])
  /// `torch.reshape` to these extents, all known.
  case reshape([Int])
  /// `torch.flip` along an axis.
  case flip(Int)
  /// Another dtype.
  case cast(DType)
}

extension TensorRecipe {
  /// The file's entries that it reads, each once, in order.
  package var sources: [String] {
    var names: [String] = []
    collect(into: &names)
    var seen: Set<ExactText> = []
    return names.filter { seen.insert(ExactText($0)).inserted }
  }

  private func collect(into names: inout [String]) {
    switch self {
    case .entry(let name): names.append(name)
    case .changed(let inner, _), .part(let inner, _, _, _): inner.collect(into: &names)
    case .joined(let parts, _, _), .computed(let parts, _):
      for part in parts { part.collect(into: &names) }
    }
  }

  /// The tensor.
  ///
  /// - Parameter read: Gives the tensor of an entry.
  /// - Throws: What reading throws, and `shape` when a change does not fit.
  package func tensor(_ read: (String) throws -> Tensor) throws -> Tensor {
    switch self {
    case .entry(let name): return try read(name)
    case .changed(let inner, let change): return try change.apply(to: inner.tensor(read))
    case .part(let inner, let axis, let start, let length):
      return try inner.tensor(read).narrowed(axis, start: start, length: length)
    case .joined(let parts, let axis, let isNew):
      let tensors = try parts.map { try $0.tensor(read) }
      return try isNew
        ? Tensor.stacked(tensors, axis: axis) : Tensor.concatenated(tensors, axis: axis)
    case .computed(let parts, let formula):
      return try formula.weight(of: parts.map { try $0.tensor(read) })
    }
  }

  /// What happens to the entry, in words; `nil` when it is used as it is.
  package var transform: String? {
    switch self {
    case .entry: return nil
    case .changed(let inner, let change):
      return [inner.transform, change.description].compactMap { $0 }.joined(separator: ", ")
    case .part(let inner, let axis, let start, let length):
      let text = "[\(start)..<\(start + length)] of axis \(axis)"
      return [inner.transform, text].compactMap { $0 }.joined(separator: ", ")
    case .joined(let parts, let axis, let isNew):
      return "\(isNew ? "stack" : "concatenate") \(parts.count) along axis \(axis)"
    case .computed(let parts, let formula):
      return (parts.compactMap(\.transform) + [formula.description]).joined(separator: ", ")
    }
  }
}

extension TensorChange {
  func apply(to tensor: Tensor) throws -> Tensor {
    switch self {
    case .permute(let axes): try tensor.permuted(axes)
    case .reshape(let dimensions): try tensor.reshaped(dimensions)
    case .flip(let axis): try tensor.flipped(axis)
    case .cast(let dtype): try tensor.converted(to: dtype)
    }
  }
}

extension TensorChange: CustomStringConvertible {
  package var description: String {
    switch self {
    case .permute(let axes): "permute \(axes)"
    case .reshape(let dimensions): "reshape \(dimensions)"
    case .flip(let axis): "flip axis \(axis)"
    case .cast(let dtype): "cast to \(dtype)"
    }
  }
}
