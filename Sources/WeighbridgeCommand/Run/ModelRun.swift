import Weighbridge

/// One run of a model, and what was to be seen of it.
struct ModelRun {
  let outputs: [Tensor]
  /// What every module returned, under its name in a reference; where that was asked for.
  private(set) var activations: [(name: String, tensor: Tensor)] = []
  private(set) var profile: Profile?
  private(set) var explanation: Explanation?

  /// - Parameter activations: Whether every module's result is kept.
  /// - Throws: What running throws.
  init(
    _ network: any Module, _ inputs: [Tensor], activations: Bool, _ insight: InsightOptions
  ) throws {
    let network: any Module = insight.eager || activations ? network : network.compiled()
    if activations {
      let probe = RecordingProbe()
      outputs = try ProbeRun.with(probe) { try network.run(inputs) }
      self.activations =
        inputs.enumerated().map { ("inputs/\($0.offset)", $0.element) }
        + probe.activations.filter { $0.key.path != .root }.map {
          ("activations/\($0.key)", $0.tensor)
        }
    } else if insight.profile {
      let (result, profile) = try Profile.measuring(runs: insight.runs, isEager: insight.eager) {
        try network.run(inputs)
      }
      (outputs, self.profile) = (result, profile)
    } else {
      outputs =
        try insight.eager
        ? ProbeRun.eagerly { try network.run(inputs) } : network.run(inputs)
    }
    if insight.explain {
      explanation = try Explanation(of: network, on: inputs, isEager: insight.eager)
    }
  }
}

extension ModelRun {
  /// What is written: the outputs, behind what every module returned.
  var tensors: [(name: String, tensor: Tensor)] {
    activations + outputs.enumerated().map { ("outputs/\($0.offset)", $0.element) }
  }

  /// What was seen of the run, in tables of a width.
  func lines(width: Int) -> [String] {
    var lines: [String] = []
    if let explanation { lines += [""] + explanation.lines(width: width) }
    if let profile { lines += [""] + profile.lines(width: width) }
    return lines
  }
}
