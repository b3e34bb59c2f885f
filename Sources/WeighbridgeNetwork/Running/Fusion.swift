/// Calls of layers that run as one when nothing is probed: a convolution with the norm and the activation
/// behind it, a linear map with its activation.
struct Fusion: Sendable {
  private enum Layers: Sendable {
    case convolution(FusedConvolution)
    case linear(Linear, any ActivationModule)
  }

  private let layers: Layers
  /// The last step in it, whose result it gives.
  let last: Int

  func run(_ input: Value) throws -> Value {
    guard case .tensor(let x) = input else {
      throw WeighbridgeError(.shape, "a layer takes a tensor, not \(input.kind)")
    }
    switch layers {
    case .convolution(let fused): return .tensor(try fused(x))
    case .linear(let linear, let activation): return .tensor(try linear(x, then: activation))
    }
  }

  /// The runs of steps in a program of which each takes only what the one before gave, and nothing else
  /// does.
  static func found(in program: Network.Program, _ steps: [BoundCall.Step]) -> [Int: Fusion] {
    var uses = [Int](repeating: 0, count: program.inputs.count + steps.count)
    let operands =
      program.body.flatMap { $0.arguments.map(\.value) } + [program.returns]
      + program.guards.flatMap { [$0.left, $0.right] }
    for value in operands.flatMap(\.values) { uses[value] += 1 }
    func layer(_ index: Int, after previous: Int? = nil) -> (any UnaryModule)? {
      guard index < steps.count, steps[index].operands.count == 1,
        case .module(let call) = steps[index].target, let layer = call.layer
      else { return nil }
      guard let previous else { return layer }
      let value = program.inputs.count + previous
      guard case .value(value) = steps[index].operands[0], uses[value] == 1 else { return nil }
      return layer
    }
    var (found, index) = ([Int: Fusion](), 0)
    while index < steps.count {
      let first = layer(index)
      var last = index
      if let convolution = first as? Conv2d {
        let norm = layer(last + 1, after: last) as? BatchNorm
        if norm != nil { last += 1 }
        let activation = layer(last + 1, after: last) as? any ActivationModule
        if activation != nil { last += 1 }
        if last > index {
          found[index] = Fusion(
            layers: .convolution(FusedConvolution(convolution, norm, activation)), last: last)
        }
      } else if let linear = first as? Linear,
        let activation = layer(index + 1, after: index) as? any ActivationModule
      {
        last = index + 1
        found[index] = Fusion(layers: .linear(linear, activation), last: last)
      }
      index = last + 1
    }
    return found
  }
}
