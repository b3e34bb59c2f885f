import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors

extension MappingReport {
  /// Holds what a model wants against what a state dict has.
  ///
  /// - Parameter skipped: The file's entries that are no tensors, with reasons.
  init(_ ledger: Ledger, _ stateDict: StateDict, skipped: [SkippedEntry] = []) {
    let tensors = Dictionary(stateDict.tensors.map { (ExactText($0.name), $0) }) { first, _ in first
    }
    let reasons = Dictionary(skipped.map { (ExactText($0.name), $0.reason) }) { first, _ in first }
    var asked: Set<ExactText> = []
    for request in ledger.requests {
      asked.insert(ExactText(request.name))
      guard let tensor = tensors[ExactText(request.name)] else {
        if !request.isOptional {
          missing.append(
            Missing(
              parameter: request.name, shape: request.shape,
              reason: reasons[ExactText(request.name)].map { "its entry is not read: \($0.clause)" }
            ))
        }
        continue
      }
      add(request, tensor)
    }
    unexpected = stateDict.tensors.filter { !asked.contains(ExactText($0.name)) }.map {
      Unexpected(name: $0.name, source: $0.source, shape: $0.shape, dtype: $0.dtype)
    }
    collisions = stateDict.collisions
    notes = stateDict.notes
  }

  /// Says of missing weights that the file has parts of them only.
  mutating func nameParts() {
    let parts = unexpected.compactMap { tensor in
      TensorFamily.partReason(tensor.name).map { (name: tensor.name, reason: $0) }
    }
    guard !parts.isEmpty else { return }
    missing = missing.map { wanted in
      let module = wanted.parameter.split(separator: ".").dropLast().joined(separator: ".")
      let own = parts.filter { part in
        part.name.hasPrefix(wanted.parameter + "_")
          || part.name.hasPrefix((module.isEmpty ? "" : module + ".") + "parametrizations.")
      }
      guard wanted.reason == nil, let first = own.first else { return wanted }
      return Missing(
        parameter: wanted.parameter, shape: wanted.shape,
        reason:
          "the file has \(own.map(\.name).joined(separator: ", ")), \(first.reason), which no "
          + "rule completes; save it after torch.nn.utils.parametrize.remove_parametrizations, or "
          + "remove_weight_norm")
    }
  }

  private mutating func add(_ request: ParameterRequest, _ tensor: MappedTensor) {
    if let reason = request.misfit(tensor) {
      mismatched.append(
        Mismatch(
          parameter: request.name, source: tensor.source, expected: request.shape,
          found: tensor.shape, reason: reason))
      return
    }
    matched.append(
      Match(
        parameter: request.name, source: tensor.source, shape: tensor.shape, dtype: tensor.dtype,
        transform: tensor.transform))
    if let reason = request.deadReason { dead.append(Dead(name: request.name, reason: reason)) }
  }
}

extension ParameterRequest {
  /// Why a tensor does not fit; `nil` when it does.
  func misfit(_ tensor: MappedTensor) -> String? {
    if role == .counter {
      // A scalar; some writers have no scalars and make it one element.
      guard tensor.shape.elementCount == 1, tensor.shape.rank <= 1 else {
        return "expects one number, found \(tensor.shape)"
      }
      return nil
    }
    guard tensor.shape == shape else { return "expects \(shape), found \(tensor.shape)" }
    guard tensor.dtype.isFloatingPoint == (role != .integers) else {
      let wanted = role == .integers ? "whole numbers or conditions" : "floating-point numbers"
      return "expects \(wanted), found \(tensor.dtype)"
    }
    return nil
  }
}
