import WeighbridgeTensors

/// A reduction of what elementwise operators compute, line by line: none of it is ever in memory whole.
struct FusedReduction: CapturedOperation {
  /// An elementwise operator on the results of others.
  struct Member: Sendable {
    enum Kind: Sendable {
      case binary(BinaryOperation)
      case unary(UnaryOperation)
    }

    /// Where an operand comes from.
    enum Source: Sendable, Hashable {
      /// The operands of the whole.
      case operand(Int)
      /// An earlier member.
      case member(Int)
    }

    var kind: Kind
    var sources: [Source]
  }

  /// In the order in which they are computed; the last one is reduced.
  var members: [Member]
  var reduction: Reduction
  /// The axes that are reduced; they stay with extent 1.
  var axes: [Int]
  /// What is reduced.
  var shape: Shape

  func results(of operands: [Tensor]) throws -> [Tensor] {
    let parts = members.map(\.kind.name) + [reduction.rawValue]
    return [
      try RunLog.noting(RunLog.Operator(parts), shape: \.shape) {
        operands.first?.dtype == .float64
          ? try LineProgram<Double>(self, operands).run()
          : try LineProgram<Float>(self, operands).run()
      }
    ]
  }
}

extension FusedReduction.Member.Kind {
  fileprivate var name: String {
    switch self {
    case .binary(let operation): operation.rawValue
    case .unary(let operation): caseName(operation)
    }
  }
}
