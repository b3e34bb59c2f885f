import WeighbridgeModules

extension Validator {
  /// Runs at most; more are made only while a tensor is beyond what those before have shown.
  static let shakenRuns = 8

  /// Measures our own rounding without the model in float64, where nothing but that is missing.
  ///
  /// The recorded noise is one draw: in a network that amplifies rounding (a softmax that is all but
  /// decided, many times in a row) another draw may be a hundred times as large, and PyTorch on another
  /// machine would give it. With the float64 twin ours is known, too, and by the triangle inequality a
  /// right model's error is never above the sum. Without one, ours is measured as the difference that
  /// it makes when every result is moved by one unit in its last place. The reference is not asked, so
  /// that a wrong model excuses nothing; and layers are held against their own rounding first, measured
  /// the same way on recorded results: what is accepted is an error that every layer by itself denies.
  func acceptShakenRounding(
    _ result: inout ParityResult, _ model: any Module, _ inputs: [Tensor]
  ) throws {
    guard !result.passes, options.isolates, options.tolerance == nil,
      result.layers.allSatisfy({ $0.ownNoise == nil }),
      OraclePlan.isAffordable(reference, result.seconds.forward)
    else { return }
    let clock = Stopwatch()
    var accepted = result
    try sharpenByShaking(&accepted, model)
    guard accepted.isProven(reference, options.limits) else { return }
    var rounding = try ShakenRounding(still: shakenRun(model, inputs, nil))
    for run in 1...Self.shakenRuns where !accepted.passes {
      try rounding.add(shakenRun(model, inputs, Shaking(seed: UInt64(run))))
      let noise = rounding.noise
      accepted.layers = accepted.layers.map {
        believing($0, noise[ActivationKey($0.path, call: $0.call, item: $0.item)])
      }
      accepted.outputs = accepted.outputs.enumerated().map {
        believing($1, noise[Validator.outputKey($0)])
      }
    }
    guard accepted.passes else { return }
    let pairs = zip(result.layers + result.outputs, accepted.layers + accepted.outputs)
    let names = pairs.filter { $0.0.status != $0.1.status }.map(\.0.name)
    accepted.notes.append(
      "\(Assembly.listed(names)): moving every result by one unit in the last place moves them as "
        + "far, and every module holds on recorded inputs, so this is rounding that has grown; "
        + "validate(model, oracle:) with the model in float64 measures it")
    accepted.seconds.oracle += clock.seconds
    result = accepted
  }

  /// What every module and the model itself return, with results moved or not.
  func shakenRun(
    _ model: any Module, _ inputs: [Tensor], _ shaking: Shaking?
  ) throws -> [ActivationKey: Tensor] {
    let probe = ShakingProbe(shaking)
    let outputs = try Validator.running(on: reference) {
      try ProbeRun.with(probe) { try model.run(inputs) }
    }
    var found = probe.outputs
    for (index, output) in outputs.enumerated() { found[Validator.outputKey(index)] = output }
    return found
  }

  /// The verdict with this as our own noise, where that changes it.
  private func believing(_ layer: LayerVerdict, _ noise: Reference.Noise?) -> LayerVerdict {
    guard layer.status == .inherited, let noise, let measured = layer.cumulative,
      measured.figures.nonFinite.mismatched == 0
    else { return layer }
    let judgement = judge.judge(
      measured.figures, recorded: .float32, reference: layer.recordedNoise, own: noise)
    guard judgement.holds else { return layer }
    var accepted = layer
    accepted.cumulative?.judgement = judgement
    accepted.ownNoise = noise
    (accepted.status, accepted.reason) = (.ok, nil)
    return accepted
  }
}

/// What moving every result by one unit in its last place makes of what the model returns.
struct ShakenRounding {
  private let still: [ActivationKey: Tensor]
  /// The most that any run so far has shown, by tensor.
  private(set) var noise: [ActivationKey: Reference.Noise] = [:]

  /// - Parameter still: What the model returns where nothing is moved.
  init(still: [ActivationKey: Tensor]) { self.still = still }

  /// Takes in a run with moved results.
  mutating func add(_ moved: [ActivationKey: Tensor]) throws {
    for (key, tensor) in still {
      guard let other = moved[key], let found = try OracleProbe.noise(tensor, other) else {
        continue
      }
      let known = noise[key] ?? Reference.Noise(rms: 0, max: 0)
      noise[key] = Reference.Noise(rms: max(known.rms, found.rms), max: max(known.max, found.max))
    }
  }
}
