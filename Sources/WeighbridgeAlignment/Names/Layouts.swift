import WeighbridgeModules
import WeighbridgeTensors

/// In which order of axes a file holds its kernels and matrices, as far as tensors show it that can be
/// read in one way only.
struct Layouts: Sendable {
  private var seen: [ParameterRole: Set<Bool>] = [:]
  private var moves: [ParameterRole: [Reading.Step]] = [:]

  init() {}

  /// Takes note of a tensor whose parameter is known.
  mutating func note(_ reading: Reading, of found: Shape, for wanted: Wanted) {
    let ways = Reading.ways(from: found, to: wanted.shape)
    guard wanted.shape.count(where: { $0 != 1 }) > 1, ways.count == 1 else { return }
    seen[wanted.role, default: []].insert(reading.movesValues)
    if reading.movesValues { moves[wanted.role] = reading.steps }
  }

  /// The way in which a tensor is read as a parameter; `nil` where there is none, or where nothing says
  /// which of several.
  func reading(of found: Shape, for wanted: Wanted) -> Reading? {
    let ways = Reading.ways(from: found, to: wanted.shape)
    guard ways.count > 1 else { return ways.first }
    switch seen[wanted.role] ?? [] {
    case [], [false]: return ways.first { !$0.movesValues }
    case [true]: return ways.first { $0.steps == moves[wanted.role] }
    default: return nil
    }
  }
}
