import Testing
import WeighbridgeEngine

/// x[N, C, …]·scale[N, C] + residual, activated: against arithmetic step by step.
@Suite struct ChannelScaleTests {
  static let activations: [Activation?] = [nil, .relu, .sigmoid]

  @Test(arguments: TestedEngine.allCases, activations)
  func scalesAddsThenActivates(_ engine: TestedEngine, _ activation: Activation?) throws {
    try engine.run {
      for shape: Shape in [[2, 3, 4, 5], [1, 17, 3, 3], [3, 5, 1, 1], [2, 4], [2, 3, 7]] {
        for format in [MemoryFormat.contiguous, .channelsLast] {
          for hasResidual in [true, false] {
            try check(engine, shape, format, activation, hasResidual: hasResidual)
          }
        }
      }
    }
  }

  private func check(
    _ engine: TestedEngine, _ shape: Shape, _ format: MemoryFormat, _ activation: Activation?,
    hasResidual: Bool
  ) throws {
    let x = try values(shape, 0.37, engine).contiguous(format)
    let scale = try values([shape[0], shape[1]], 0.91, engine)
    // A residual in the other order of memory must not matter.
    let residual = hasResidual ? try values(shape, 0.53, engine) : nil
    let result = try x.scaledByChannel(
      scale, epilogue: Epilogue(residual: residual, activation: activation))
    var expected = try x * scale.expanded(toRank: shape.rank)
    if let residual { expected = try expected + residual }
    if let activation { expected = try expected.activated(activation) }
    #expect(result.shape == shape)
    #expect(result.isDense(format))
    #expect(
      try result.elements(as: Double.self) == expected.elements(as: Double.self),
      "\(shape) \(format) residual \(hasResidual)")
  }

  @Test(arguments: TestedEngine.allCases)
  func byHand(_ engine: TestedEngine) throws {
    try engine.run {
      let x = try Tensor([1.0, 2, 3, 4], shape: [1, 2, 1, 2]).converted(to: engine.dtype)
      let scale = try Tensor([10.0, -1], shape: [1, 2]).converted(to: engine.dtype)
      let residual = try Tensor([0.5, -30, 1, 9], shape: [1, 2, 1, 2]).converted(to: engine.dtype)
      let result = try x.scaledByChannel(
        scale, epilogue: Epilogue(residual: residual, activation: .relu))
      #expect(try result.elements(as: Double.self) == [10.5, 0, 0, 5])
    }
  }

  @Test func keepsNaN() throws {
    let x = try Tensor([Float.nan, 1], shape: [1, 2, 1, 1])
    let result = try x.scaledByChannel(
      Tensor([1, 1] as [Float], shape: [1, 2]), epilogue: Epilogue(activation: .relu))
    #expect(try result.elements(as: Float.self)[0].isNaN)
  }

  @Test func refusesOtherShapes() throws {
    let x = try Tensor(repeating: 1 as Float, shape: [2, 3, 4, 4])
    for scale: Shape in [[3], [2, 4], [2, 3, 1, 1], [1, 3]] {
      #expect(throws: WeighbridgeError.self) {
        try x.scaledByChannel(Tensor(repeating: 1 as Float, shape: scale))
      }
    }
    let residual = try Tensor(repeating: 1 as Float, shape: [2, 3, 4, 1])
    #expect(throws: WeighbridgeError.self) {
      try x.scaledByChannel(
        Tensor(repeating: 1 as Float, shape: [2, 3]), epilogue: Epilogue(residual: residual))
    }
  }

  private func values(_ shape: Shape, _ step: Double, _ engine: TestedEngine) throws -> Tensor {
    try Tensor(
      (0..<shape.elementCount).map { (Double($0) * step).remainder(dividingBy: 3) }, shape: shape
    ).converted(to: engine.dtype)
  }
}
