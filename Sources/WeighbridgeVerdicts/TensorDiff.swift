import WeighbridgeComparison
import WeighbridgeTensors

/// The difference of two files of named tensors: checkpoints, or references.
public struct TensorDiff: Sendable {
  /// A tensor that both have and that is not the same.
  public struct Entry: Sendable {
    /// The path as the first file writes it.
    public var name: String
    /// The shape in either file.
    public var shapes: (a: Shape, b: Shape)
    /// The dtype in either file.
    public var dtypes: (a: DType, b: DType)
    /// `nil` when the shapes differ.
    public var figures: Figures?
    /// The order of its axes in which the first is, bit by bit, the second: another layout. `nil` where
    /// there is none.
    public var axes: [Int]?

    package init(
      name: String, shapes: (a: Shape, b: Shape), dtypes: (a: DType, b: DType),
      figures: Figures? = nil
    ) {
      (self.name, self.shapes, self.dtypes, self.figures) = (name, shapes, dtypes, figures)
    }
  }

  /// Tensors that the second file lacks.
  public var onlyInA: [String] = []
  /// Tensors that the first file lacks.
  public var onlyInB: [String] = []
  /// Tensors of other shapes or values.
  public var different: [Entry] = []
  /// Tensors of the same values in two dtypes.
  public var otherDType: [String] = []
  /// How many tensors both have.
  public var comparedCount = 0

  /// Whether both have the same names, and the same values within the tolerance.
  public var isIdentical: Bool { onlyInA.isEmpty && onlyInB.isEmpty && different.isEmpty }

  package init() {}
}
