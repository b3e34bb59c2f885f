import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

extension Finding.Problem {
  /// Whether nothing could be compared, which is no failure of the model.
  var isIncomparable: Bool {
    switch self {
    case .shape, .outputCount: false
    case .dtype, .empty: true
    }
  }

  /// What it is for the verdict.
  var ground: Ground {
    switch self {
    case .shape(let recorded, let ours): .shape(recorded: recorded, ours: ours)
    case .outputCount(let count): .outputCount(count)
    case .dtype(let dtype): .dtype(dtype)
    case .empty: .empty
    }
  }
}

extension Reshaping {
  /// What it is for the verdict.
  var ground: Ground { .reshaped(recorded: recorded, ours: ours, step: step) }
}
