import TestSupport
import Testing
import WeighbridgeModules

/// Residual encodings that are written out in Swift or recorded from Python, and what only looks like one.
@Suite struct CompiledEncodingTests {
  private struct Form: Sendable, CustomTestStringConvertible {
    var words: String
    /// Whether it is an encoding.
    var isOne = true
    /// N and C; there are 8 codewords.
    var points = 7
    var channels = 5
    /// Of x [B, N, C], codewords [8, C] and scale [8].
    let compute: @Sendable (Tensor, Tensor, Tensor) throws -> Tensor
    var testDescription: String { words }
  }

  private struct Net: Module {
    let path: ModulePath = .root
    let form: Form
    let codewords, scale: Tensor

    func forward(_ x: Tensor) throws -> Tensor { try form.compute(x, codewords, scale) }
  }

  private static func squares(_ d: Tensor) throws -> Tensor { try d.mapped(.square) }

  private static let forms: [Form] = [
    Form(words: "power, one tensor after another") { x, c, s in
      let d = try x.unsqueezed(2) - c
      return try ((s * d.mapped(.power(2)).sum(axes: [3])).softmax(axis: 2).unsqueezed(3) * d)
        .sum(axes: [1])
    },
    Form(words: "square, factors in the other order, axes kept") { x, c, s in
      let d = try x.unsqueezed(2) - c.reshaped([1, 1, 8, 5])
      let distances = try squares(d).sum(axes: [3], keepingAxes: true)
      return try (d * (distances * s.reshaped([8, 1])).softmax(axis: 2))
        .sum(axes: [1], keepingAxes: true)
    },
    Form(words: "times itself, expanded") { x, c, s in
      let d = try x.unsqueezed(2).expanded(to: [2, 7, 8, 5]) - c.expanded(to: [2, 7, 8, 5])
      let a = try ((d * d).sum(axes: [3]) * s.expanded(to: [2, 7, 8])).softmax(axis: -1)
      return try (a.unsqueezed(3).expanded(to: [2, 7, 8, 5]) * d).sum(axes: [1])
    },
    Form(words: "of a view, differences taken elsewhere, too") { x, c, s in
      let d = try x.narrowed(1, start: 1, length: 4).unsqueezed(2) - c
      let shares = try (s * squares(d).sum(axes: [3])).softmax(axis: 2).unsqueezed(3)
      return try (shares * d).sum(axes: [1]) + d.narrowed(1, start: 0, length: 1).squeezed(1)
    },
    Form(words: "softmax over the points", isOne: false) { x, c, s in
      let d = try x.unsqueezed(2) - c
      return try ((s * squares(d).sum(axes: [3])).softmax(axis: 1).unsqueezed(3) * d)
        .sum(axes: [1])
    },
    Form(words: "logarithms of shares", isOne: false) { x, c, s in
      let d = try x.unsqueezed(2) - c
      return try ((s * squares(d).sum(axes: [3])).logSoftmax(axis: 2).unsqueezed(3) * d)
        .sum(axes: [1])
    },
    Form(words: "summed over the codewords", isOne: false) { x, c, s in
      let d = try x.unsqueezed(2) - c
      return try ((s * squares(d).sum(axes: [3])).softmax(axis: 2).unsqueezed(3) * d)
        .sum(axes: [2])
    },
    Form(words: "mean over the points", isOne: false) { x, c, s in
      let d = try x.unsqueezed(2) - c
      return try ((s * squares(d).sum(axes: [3])).softmax(axis: 2).unsqueezed(3) * d)
        .mean(axes: [1])
    },
    Form(words: "fourth powers", isOne: false) { x, c, s in
      let d = try x.unsqueezed(2) - c
      return try ((s * d.mapped(.power(4)).sum(axes: [3])).softmax(axis: 2).unsqueezed(3) * d)
        .sum(axes: [1])
    },
    Form(words: "codewords less points", isOne: false) { x, c, s in
      let d = try c - x.unsqueezed(2)
      return try ((s * squares(d).sum(axes: [3])).softmax(axis: 2).unsqueezed(3) * d)
        .sum(axes: [1])
    },
    Form(words: "distances of other points", isOne: false) { x, c, s in
      let (d, other) = (try x.unsqueezed(2) - c, try x.affine(scale: 2).unsqueezed(2) - c)
      return try ((s * squares(other).sum(axes: [3])).softmax(axis: 2).unsqueezed(3) * d)
        .sum(axes: [1])
    },
    Form(words: "a scale for each point", isOne: false, points: 8) { x, c, s in
      let d = try x.unsqueezed(2) - c
      return try
        ((s.reshaped([8, 1]) * squares(d).sum(axes: [3])).softmax(axis: 2).unsqueezed(3) * d)
        .sum(axes: [1])
    },
    Form(words: "shares turned", isOne: false, points: 8) { x, c, s in
      let d = try x.unsqueezed(2) - c
      let shares = try (s * squares(d).sum(axes: [3])).softmax(axis: 2)
      return try (shares.transposed(1, 2).unsqueezed(3) * d).sum(axes: [1])
    },
    Form(words: "shares along the channels", isOne: false, points: 8, channels: 8) { x, c, s in
      let d = try x.unsqueezed(2) - c
      let shares = try (s * squares(d).sum(axes: [3])).softmax(axis: 2)
      return try (shares.unsqueezed(1) * d).sum(axes: [1])
    },
    Form(words: "codewords along the points", isOne: false, points: 8) { x, c, s in
      let d = try x.unsqueezed(2) - c.reshaped([8, 1, 5]).expanded(to: [8, 8, 5])
      return try ((s * squares(d).sum(axes: [3])).softmax(axis: 2).unsqueezed(3) * d)
        .sum(axes: [1])
    },
  ]

  @Test(arguments: forms) private func writtenOutIsTheOperator(_ form: Form) throws {
    for dtype in [DType.float32, .float64] {
      let net = Net(
        form: form, codewords: try Numbers.tensor([8, form.channels], seed: "c", dtype: dtype),
        scale: try Numbers.tensor([8], seed: "s", dtype: dtype))
      let compiled = Compiled(net)
      let x = try Numbers.tensor([2, form.points, form.channels], seed: "x", dtype: dtype)
      let (ours, plain) = (try compiled(x), try net(x))
      #expect(ours.shape == plain.shape)
      #expect(try farthest(ours, plain) < (dtype == .float64 ? 1e-12 : 1e-5))
      let names = try compiled.profile([x], runs: 1).steps.map(\.name)
      #expect(names.contains("residual encoding") == form.isOne, "\(names)")
      if form.isOne { #expect(!names.contains("softmax"), "\(names)") }
    }
  }
}
