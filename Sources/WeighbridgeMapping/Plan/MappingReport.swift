import WeighbridgeTensors

/// How a checkpoint fits a model: everything at once.
public struct MappingReport: Sendable, Hashable {
  /// A parameter that has its tensor.
  public struct Match: Sendable, Hashable {
    /// The parameter's full name in the model.
    public let parameter: String
    /// The file's entries: `a`, or `a + b`.
    public let source: String
    /// The parameter's shape, in PyTorch's layout.
    public let shape: Shape
    /// The tensor's dtype, as rules left it.
    public let dtype: DType
    /// What rules do to the entry; `nil` when it is used as it is.
    public let transform: String?
  }

  /// A parameter without a tensor.
  public struct Missing: Sendable, Hashable {
    /// The parameter's full name in the model.
    public let parameter: String
    /// The shape that the model asks for.
    public let shape: Shape
    /// Why it cannot be used, when an entry of the name is there after all.
    public let reason: String?
  }

  /// A tensor that the model does not ask for.
  public struct Unexpected: Sendable, Hashable {
    /// The tensor's name after rules, without wrappers.
    public let name: String
    /// The file's entries: `a`, or `a + b`.
    public let source: String
    /// The tensor's shape, as rules left it.
    public let shape: Shape
    /// The tensor's dtype, as rules left it.
    public let dtype: DType
  }

  /// A parameter whose tensor is of another shape or dtype.
  public struct Mismatch: Sendable, Hashable {
    /// The parameter's full name in the model.
    public let parameter: String
    /// The file's entries: `a`, or `a + b`.
    public let source: String
    /// The shape that the model asks for.
    public let expected: Shape
    /// The tensor's shape, as rules left it.
    public let found: Shape
    /// What is wrong, as a clause.
    public let reason: String
  }

  /// A parameter that is loaded and can change no output.
  public struct Dead: Sendable, Hashable {
    /// Its full name.
    public let name: String
    /// Why, as the model or the rule says.
    public let reason: String
  }

  /// What was probably meant.
  public struct Suggestion: Sendable, Hashable {
    /// The parameter's full name in the model.
    public let parameter: String
    /// The file's entry that is probably meant.
    public let source: String
    /// What speaks for it.
    public let reason: String
    /// The rule that does it.
    public let rule: Rule
  }

  /// A parameter whose tensor has the right shape, or can be given it, in more than one way: which is
  /// asked, never assumed.
  public struct Undecided: Sendable, Hashable {
    /// The parameter's full name in the model.
    public let parameter: String
    /// The file's entries: `a`, or `a + b`.
    public let source: String
    /// The shape that the model asks for.
    public let shape: Shape
    /// Why its shape does not tell, as a clause.
    public let reason: String
    /// The rules that decide it, one for each way; the last leaves it as it is, where it fits so.
    public let rules: [Rule]
  }

  /// Another copy of the model's tensors in the same file, which is left out.
  public struct Copy: Sendable, Hashable {
    /// What it stands under, as `--root` takes it.
    public let root: String
    /// How many of the model's tensors it has.
    public let count: Int
  }

  /// What the tensors stand under in the file, as `--root` takes it: `state_dict.module`. `nil` for
  /// the file's own names.
  public internal(set) var root: String?
  /// What shapes alone cannot tell.
  public internal(set) var undecided: [Undecided] = []
  /// The rules by which weights are computed from what PyTorch keeps for them.
  public internal(set) var computed: [Rule] = []
  /// The rules that read names and orders of axes of the file's format as PyTorch's.
  public internal(set) var dialect: [Rule] = []
  /// The rules of the dialect that the file's names are of: those of `--rules` come instead of them.
  public internal(set) var shipped = Rules()
  /// Other copies of the model in the file.
  public internal(set) var copies: [Copy] = []
  /// Parameters that have their tensor.
  public internal(set) var matched: [Match] = []
  /// Parameters without one.
  public internal(set) var missing: [Missing] = []
  /// Tensors that no parameter takes.
  public internal(set) var unexpected: [Unexpected] = []
  /// Parameters whose tensor does not fit.
  public internal(set) var mismatched: [Mismatch] = []
  /// Names on which several tensors land.
  public internal(set) var collisions: [Collision] = []
  /// Parameters that are loaded and can change no output.
  public internal(set) var dead: [Dead] = []
  /// Entries left out by a rule.
  public internal(set) var dropped: [Dead] = []
  /// What was recognised, done or assumed.
  public internal(set) var notes: [String] = []
  /// What was probably meant where something is missing or left over.
  public internal(set) var suggestions: [Suggestion] = []
  /// The architectures that the names and shapes show, where they show another than the one that was
  /// asked for.
  package internal(set) var resembles: [String] = []

  /// Whether every parameter has one tensor, every tensor one parameter, and nothing is undecided.
  public var isOneToOne: Bool { problemCount == 0 && undecided.isEmpty }

  /// How many names and shapes are wrong.
  var problemCount: Int {
    missing.count + unexpected.count + mismatched.count + collisions.count
  }

  /// Whether the file is probably of another network: hardly a parameter has a tensor, and the file
  /// has tensors enough that have no parameter.
  public var isForeign: Bool {
    let found = matched.count + mismatched.count
    return !missing.isEmpty && found * 5 < missing.count && unexpected.count > found
      && matched.count * 5 < missing.count
  }
}
