import Testing
import WeighbridgeTensors

@testable import WeighbridgeComparison
@testable import WeighbridgeJudgement
@testable import WeighbridgeReferences
@testable import WeighbridgeReports
@testable import WeighbridgeVerdicts

/// Columns that one element decides, as a softmax makes them: their rounding is one draw each.
@Suite struct LocalJudgeTests {
  private static let shape: Shape = [32, 24]
  /// The relative rounding of each column's largest element, ours and the recorded one's.
  private static let usual = 3e-4

  /// In column c element c is 1 and all others are 1e-6, so that row c is decided by it, too.
  ///
  /// - Parameters:
  ///   - lucky: A column whose float32 is the float64, by luck.
  ///   - wrong: A column in which the recording is 1 % larger.
  private func worst(lucky: Int? = nil, wrong: Int? = nil) throws -> LocalJudge.Finding? {
    let (rows, columns) = (Self.shape[0], Self.shape[1])
    var exact: [Double] = []
    var got: [Double] = []
    var recorded: [Double] = []
    for position in 0..<rows * columns {
      let (row, column) = (position / columns, position % columns)
      let value = row == column ? 1 : 1e-6
      // Between half and one and a half of the usual, in either direction.
      let ours = Self.usual * (0.5 + Double(column * 7 % columns) / Double(columns))
      let sign: Double = column % 3 == 0 ? -1 : 1
      exact.append(value)
      got.append(value * (1 + (column == lucky ? 0 : sign * ours)))
      recorded.append(value * (1 + (column == wrong ? 0.1 : -sign * Self.usual)))
    }
    return try LocalJudge(limits: Limits()).worst(
      Tensor(got, shape: Self.shape), [Tensor(exact, shape: Self.shape)],
      .whole(Tensor(recorded, shape: Self.shape)))
  }

  @Test func luckOfOneElementIsNoError() throws {
    let limits = Limits()
    #expect(try #require(try worst()).ratio < limits.localRatio / 4)
    for column in 0..<Self.shape[1] {
      #expect(
        try #require(try worst(lucky: column)).ratio < limits.localRatio / 4, "column \(column)")
    }
  }

  @Test func aWrongColumnIsFound() throws {
    let limits = Limits()
    for column in 0..<Self.shape[1] {
      let found = try #require(try worst(wrong: column))
      #expect(
        found.ratio > limits.localRatio
          && ["[:, \(column)]", "[\(column)]"].contains(found.place.description),
        "\(found)")
    }
  }
}
