import WeighbridgeTensors

/// One step from a checkpoint's names and layouts to a model's.
///
/// Rules are data. Each is applied to what the rules before it left, and changes names and recipes
/// only: a tensor is read when it is bound. Every action can be undone, or says that it cannot.
public struct Rule: Sendable, Hashable {
  /// What a rule does to the tensors whose names its pattern matches.
  public enum Action: Sendable, Hashable {
    /// New names. `to` may hold captures: `$1` is a regular expression's first group; with a prefix,
    /// the template replaces the prefix.
    case rename(NamePattern, to: String)
    /// Axes in another order, as `torch.permute`.
    case permute(NamePattern, axes: [Int])
    /// Two axes exchanged, the last two by default.
    case transpose(NamePattern, axes: [Int])
    /// Other extents; one may be −1, and 0 is the one that the axis has.
    case reshape(NamePattern, shape: [Int])
    /// One tensor in parts along an axis: equal ones, or of the given sizes.
    case split(NamePattern, axis: Int, sizes: [Int]?, into: [String])
    /// Tensors joined along an existing axis. The first by pattern, the others by template.
    case concatenate(NamePattern, with: [String], axis: Int, into: String)
    /// Tensors joined along a new axis.
    case stack(NamePattern, with: [String], axis: Int, into: String)
    /// An axis reversed: BGR to RGB is axis 1 of the first convolution.
    case flip(NamePattern, axis: Int)
    /// Another dtype.
    case cast(NamePattern, DType)
    /// A weight from its direction, by pattern, and its magnitude: `torch.nn.utils.weight_norm`.
    case weightNorm(NamePattern, magnitude: String, into: String)
    /// A weight from the unnormalised one, by pattern, and the vectors of `torch.nn.utils.spectral_norm`
    /// as eval mode uses them.
    case spectralNorm(NamePattern, u: String, v: String, axis: Int, into: String)
    /// Left out, for a reason that the report gives.
    case drop(NamePattern, reason: String)
  }

  /// What it does, and to which names.
  public var action: Action
  /// Whether it may match nothing; else that is an error, since a rule that does nothing is a typo.
  public var isOptional: Bool
  /// Where it stands, for messages: `rules.yaml:7`.
  public var location: String?

  /// A rule; by default one that has to match something.
  ///
  /// - Parameters:
  ///   - isOptional: Whether it may match nothing.
  ///   - location: Where it stands, for messages: `rules.yaml:7`.
  public init(_ action: Action, isOptional: Bool = false, location: String? = nil) {
    self.action = action
    self.isOptional = isOptional
    self.location = location
  }

  /// The rule's name in a rules file.
  public var keyword: String {
    switch action {
    case .rename: "rename"
    case .permute: "permute"
    case .transpose: "transpose"
    case .reshape: "reshape"
    case .split: "split"
    case .concatenate: "concatenate"
    case .stack: "stack"
    case .flip: "flip"
    case .cast: "cast"
    case .weightNorm: "weight_norm"
    case .spectralNorm: "spectral_norm"
    case .drop: "drop"
    }
  }

  var pattern: NamePattern {
    switch action {
    case .rename(let pattern, _), .permute(let pattern, _), .transpose(let pattern, _),
      .reshape(let pattern, _), .split(let pattern, _, _, _), .concatenate(let pattern, _, _, _),
      .stack(let pattern, _, _, _), .flip(let pattern, _), .cast(let pattern, _),
      .weightNorm(let pattern, _, _), .spectralNorm(let pattern, _, _, _, _), .drop(let pattern, _):
      pattern
    }
  }
}

/// Rules in the order in which they apply.
public struct Rules: Sendable, Hashable {
  /// The first is applied first; each sees what those before it left.
  public var rules: [Rule]

  /// - Parameter rules: In the order in which they apply.
  public init(_ rules: [Rule] = []) {
    self.rules = rules
  }

  /// Whether names and layouts stay as they are.
  public var isEmpty: Bool { rules.isEmpty }
}
