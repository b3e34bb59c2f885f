import WeighbridgeModules
import WeighbridgeReferences

/// Why a layer has its status, or what is odd about it. Reports word it.
public enum Ground: Sendable, Hashable {
  /// Ours has another shape than the recorded tensor.
  case shape(recorded: Shape, ours: Shape)
  /// Two references hold tensors of different shapes.
  case shapes(Shape, Shape)
  /// The model returns only so many outputs.
  case outputCount(Int)
  /// What is recorded is of a dtype that cannot show a float's error.
  case dtype(DType)
  /// What is recorded holds no values.
  case empty
  /// The recorded elements are ours under another shape, by this step.
  case reshaped(recorded: Shape, ours: Shape, step: String)

  /// The recorded activation holds so many NaN.
  case recordedNaN(Int)
  /// So many of the recorded sums are NaN.
  case recordedSumsNaN(Int)
  /// So many of our values are NaN or infinite, and so many recorded ones.
  case nonFinite(Int, of: Int, recorded: Int)
  /// So many sums are NaN or infinite on one side only.
  case sumsNonFinite(Int, of: Int)
  /// Samples hold, and the mean of what they stand for does not.
  case mean(index: [Int], error: Double, ratio: Double, limit: Double)

  /// One channel, row or head is wrong beside elements that are much larger.
  case place(Place, ratio: Double)
  /// The error hides in the noise of the whole run and not in the layer's own rounding.
  case aboveOwnRounding
  /// It holds, and its relative error grows far more than that of its siblings.
  case amplifies(Double, siblings: Double)
  /// Two runs of PyTorch differ.
  case chance

  /// It may also be wrong itself: the tensor of this name could not be put in its place, for its shape.
  case afterOtherShape(String)
  /// It may also be wrong itself: the tensor of this name is sampled and could not be put in its place.
  case afterSamples(String)
  /// It holds alone, and a cause is known all the same.
  case accused(Judgement)
  /// What it reads was recorded wrongly.
  case misrecorded
  /// What it reads is computed wrongly by this module, and it has nothing to be wrong by itself where
  /// its kind is given.
  case input(of: ModulePath, kind: String?)
  /// Or what this module computes on the way to it is wrong.
  case onTheWay(ModulePath)
  /// Its error shows at another line.
  case shows(Line)

  /// Whether it is an alternative to what is said before it.
  package var isAlternative: Bool {
    switch self {
    case .afterOtherShape, .afterSamples, .onTheWay: true
    default: false
    }
  }

  /// A channel, row or head of a tensor and its error.
  public struct Place: Sendable, Hashable {
    /// As PyTorch writes it, `[:, 3]`: for each leading axis its index, `nil` for all of it.
    public var indices: [Int?]
    /// How many elements in a row it is; `nil` where it is all that stands at the indices.
    public var run: Int?
    /// The RMS of its error.
    public var error: Double
    /// The RMS of what is recorded there.
    public var size: Double

    package init(indices: [Int?], run: Int?, error: Double, size: Double) {
      (self.indices, self.run, self.error, self.size) = (indices, run, error, size)
    }
  }
}
