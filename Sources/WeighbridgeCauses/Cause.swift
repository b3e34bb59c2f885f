import WeighbridgeModules

/// Why a module may compute something other than the reference: what is different, and what to do.
public struct Cause: Sendable, Hashable {
  /// What kind of mistake it is.
  public var kind: Kind
  /// What is different, in words: `eps is 1e-05, the reference has 1e-06`.
  public var text: String
  /// What puts it right.
  public var fix: Fix

  /// - Parameters:
  ///   - text: What is different, in words, without a full stop.
  ///   - fix: What puts it right.
  public init(_ kind: Kind, _ text: String, fix: Fix) {
    self.kind = kind
    self.text = text
    self.fix = fix
  }

  /// What puts it right.
  public enum Fix: Sendable, Hashable {
    /// Another value of a configuration key.
    case configuration(key: String, value: ConfigurationValue)
    /// Parameters in another layout or order.
    case parameters([ParameterChange])
    /// A change in the model's code, or in what wrote the checkpoint, in words.
    case code(String)
  }
}

/// What turns the parameter that a model has into the one that it should have.
public struct ParameterChange: Sendable, Hashable {
  /// The parameter's full name.
  public var name: String
  /// Applied in order, the first to the parameter as it is.
  public var steps: [Step]

  /// - Parameters:
  ///   - name: The parameter's full name.
  ///   - steps: In the order in which they apply.
  public init(_ name: String, _ steps: [Step]) {
    self.name = name
    self.steps = steps
  }

  /// One step from the parameter to what it should be.
  public enum Step: Sendable, Hashable {
    /// `torch.permute`.
    case permute([Int])
    /// `torch.reshape`.
    case reshape([Int])
    /// `torch.flip` along one axis.
    case flip(Int)
    /// The tensor's equal parts along the first axis, in another order.
    case blocks([Int])
    /// The same place filled by another parameter, by its full name.
    case replacedBy(String)
  }

  /// The changed tensor.
  ///
  /// - Throws: `shape` when a step does not fit.
  public func apply(to tensor: Tensor) throws -> Tensor {
    try steps.reduce(tensor) { tensor, step in
      switch step {
      case .permute(let axes): try tensor.permuted(axes)
      case .reshape(let shape): try tensor.reshaped(shape)
      case .flip(let axis): try tensor.flipped(axis)
      case .blocks(let order):
        try Tensor.concatenated(
          tensor.split(order.count, axis: 0).reordered(order), axis: 0)
      case .replacedBy: tensor
      }
    }
  }
}

extension [Tensor] {
  fileprivate func reordered(_ order: [Int]) throws -> [Tensor] {
    guard order.allSatisfy(indices.contains) else {
      throw WeighbridgeError(.shape, "\(order) does not name \(count) parts")
    }
    return order.map { self[$0] }
  }
}
