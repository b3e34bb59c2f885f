import WeighbridgeTensors

/// What an entry is to PyTorch, where its format says so with names and orders of axes of its own:
/// Keras' `conv1.kernel` in HWIO order is `conv1.weight` in OIHW.
///
/// It is known from the format alone, never guessed from a shape; what is ambiguous has none.
public enum EntryForm: Sendable, Hashable {
  /// One step from the entry to the tensor that PyTorch has in its place.
  public enum Step: Sendable, Hashable {
    /// `torch.permute` to these axes.
    case permute([Int])
    /// `torch.reshape` to these extents.
    case reshape([Int])
  }

  /// A parameter or buffer under its state-dict name, and what turns the entry into it.
  case parameter(String, [Step])
  /// A parameter whose order the file does not tell: the ways to read it, the plainest first, and what
  /// decides between them, as a clause.
  case undecided(String, ways: [[Step]], reason: String)
  /// Nothing that a model asks for, with why: the optimizer's state.
  case beside(String)
}
