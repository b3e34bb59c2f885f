import WeighbridgeModules
import WeighbridgeTensors

/// A layer that is run whole with one assignment after the other: attention, codewords, recurrent
/// layers, whatever has parameters and is no linear map and no norm.
struct OpaqueProblem: LayerProblem {
  let path: ModulePath
  /// The names within the module, with the full ones.
  let parameters: [(own: String, wanted: Wanted)]
  let recorded: [Tensor]
  /// Runs the module on its recorded input.
  let run: @Sendable (_ tensors: [String: Tensor]) throws -> [Tensor]

  /// The most runs of one attempt.
  private static let runs = 2_000

  var isCostly: Bool { true }

  var wanted: [Wanted] { parameters.map(\.wanted) }

  func solve(_ pool: Pool) throws -> Outcome {
    let wholes = parameters.map { pool.wholes($0.wanted.shape) }
    let outcome = try solve(pool, wholes)
    guard case .solved(let solutions) = outcome, solutions.assignments.isEmpty else {
      return outcome
    }
    // Some may be rows of larger tensors.
    let all = zip(parameters, wholes).map { $1 + pool.parts($0.wanted.shape) }
    return all == wholes ? outcome : try solve(pool, all)
  }

  private func solve(_ pool: Pool, _ choices: [[Piece]]) throws -> Outcome {
    let added = try addedBias(choices, pool)
    var count = 1
    for index in parameters.indices where index != added {
      let (product, overflow) = count.multipliedReportingOverflow(by: choices[index].count)
      guard !overflow, product <= Self.runs else { return .tooMany(overflow ? .max : product) }
      count = product
    }
    guard count > 0 else { return .solved(Solutions(assignments: [])) }
    let accepted = try accepted(choices, count, added, pool)
    return .solved(Solutions(assignments: try assignments(accepted, added, pool)))
  }

  /// What is left over in each feature, too, where the bias that is added last is taken as zero.
  private typealias Tried = (assignment: [Piece?], left: [Double])

  private func accepted(
    _ choices: [[Piece]], _ count: Int, _ added: Int?, _ pool: Pool
  ) throws -> [Tried] {
    var tried: [(value: Tried, error: Double)] = []
    for position in 0..<count {
      guard let assignment = assignment(position, choices, leaving: added),
        pool.allows(assignment.compactMap { $0.map { [$0] } })
      else { continue }
      pool.meter.count()
      let result = try error(assignment, added, pool)
      tried.append(((assignment, result.left), result.error))
    }
    return Acceptance.accepted(tried)
  }

  private func assignments(
    _ accepted: [Tried], _ added: Int?, _ pool: Pool
  ) throws -> [[String: Filling]] {
    var found: [[String: Filling]] = []
    for (assignment, left) in accepted {
      var named: [String: Filling] = [:]
      for (parameter, piece) in zip(parameters, assignment) {
        if let piece { named[parameter.wanted.name] = [piece] }
      }
      guard let added else {
        found.append(named)
        continue
      }
      let bias = parameters[added].wanted
      let size = root(of: recorded)
      for filling in try pool.vectors(bias.shape, left, within: left.map { abs($0) + size }) {
        found.append(named.merging([bias.name: filling]) { $1 })
      }
    }
    return found
  }

  /// The choice of a number that counts through all of them.
  private func assignment(
    _ position: Int, _ choices: [[Piece]], leaving added: Int?
  ) -> [Piece?]? {
    var rest = position
    var assignment: [Piece?] = []
    for (index, pieces) in choices.enumerated() {
      guard index != added else {
        assignment.append(nil)
        continue
      }
      guard !pieces.isEmpty else { return nil }
      assignment.append(pieces[rest % pieces.count])
      rest /= pieces.count
    }
    return assignment
  }

  /// The error of an assignment, and what is left over in each feature where the bias that is added
  /// last is taken as zero.
  private func error(
    _ assignment: [Piece?], _ added: Int?, _ pool: Pool
  ) throws -> (error: Double, left: [Double]) {
    var tensors: [String: Tensor] = [:]
    for (parameter, piece) in zip(parameters, assignment) {
      if let piece { tensors[parameter.own] = try pool.catalog.tensor(piece) }
    }
    if let added { tensors[parameters[added].own] = try zeros(parameters[added].wanted.shape) }
    guard let got = try? run(tensors), got.count == recorded.count,
      zip(got, recorded).allSatisfy({ $0.shape == $1.shape })
    else { return (.infinity, []) }
    guard added != nil, let first = got.first, let expected = recorded.first else {
      return (try OutputError.relative(got, recorded), [])
    }
    return try OutputError.leavingConstant(first, expected)
  }

  /// A bias that is added to the result as it is: it need not be tried, what is left tells it.
  private func addedBias(_ choices: [[Piece]], _ pool: Pool) throws -> Int? {
    guard recorded.count == 1, let width = recorded.first?.shape.last,
      choices.allSatisfy({ !$0.isEmpty })
    else { return nil }
    let some = choices.map(\.first)
    for index in parameters.indices
    where parameters[index].wanted.role == .vector && parameters[index].wanted.shape == [width]
      && choices[index].count > 1
    {
      var tensors: [String: Tensor] = [:]
      for (other, piece) in zip(parameters, some) {
        if let piece { tensors[other.own] = try pool.catalog.tensor(piece) }
      }
      let name = parameters[index].own
      tensors[name] = try zeros([width])
      let without = try run(tensors)
      tensors[name] = try Tensor.ones([width])
      let with = try run(tensors)
      guard let a = without.first, let b = with.first, a.shape == b.shape else { continue }
      let difference = try (b - a).elements(as: Float.self)
      if difference.allSatisfy({ abs($0 - 1) < 1e-2 }) { return index }
    }
    return nil
  }

  private func zeros(_ shape: Shape) throws -> Tensor { try Tensor.zeros(shape) }

  private func root(of tensors: [Tensor]) -> Double {
    (try? OutputError.root(tensors)) ?? 0
  }
}
