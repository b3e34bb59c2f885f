/// What training scripts wrap a state dict in, and how it is taken off.
extension StateDict {
  /// Keys under which scripts save the state dict beside the optimizer and the epoch.
  static let containers = [
    "state_dict", "model_state_dict", "model_state", "model", "state_dict_ema", "model_ema", "ema",
    "net", "network", "params", "weights",
  ]

  /// Prefixes that wrappers put before every name: `DataParallel`, `torch.compile`, Lightning, and
  /// modules that keep their network in an attribute.
  static let prefixes = ["module.", "_orig_mod.", "model.", "net.", "network.", "ema_model."]

  /// Parts of a full DETR beside its input projection and encoder.
  static let detectionParts = [
    "backbone.", "transformer.decoder.", "class_embed.", "bbox_embed.", "query_embed.",
  ]

  /// The ways to see this state dict, from the file's own names to everything taken off. The names
  /// as they are come first, since a model's own names may begin with `model.`.
  func unwrapped() -> [StateDict] {
    var found = [self]
    var seen: Set<[String]> = [tensors.map(\.name)]
    var position = 0
    // Wrappers nest: a compiled model in DataParallel under `state_dict`.
    while position < found.count, found.count < 32 {
      let current = found[position]
      for next in current.withoutPrefix() + current.withoutContainer() + current.asEncoder()
      where seen.insert(next.tensors.map(\.name)).inserted {
        found.append(next)
      }
      position += 1
    }
    return found
  }

  /// The tensors under `state_dict` and its like. What stands beside is left out, and said.
  private func withoutContainer() -> [StateDict] {
    StateDict.containers.compactMap { container in
      let inside = tensors.filter { StateDict.rest(of: $0.name, after: container) != nil }
      // Where every name has the lead it is a prefix, not a container with neighbours.
      guard !inside.isEmpty else { return nil }
      var copy = self
      copy.tensors = inside.compactMap { tensor in
        StateDict.rest(of: tensor.name, after: container).map { tensor.renamed(to: $0) }
      }
      copy.notes.append("the state dict is nested under '\(container)'")
      copy.noteOmission(
        tensors.filter { StateDict.rest(of: $0.name, after: container) == nil },
        because: "beside '\(container)'")
      return copy
    }
  }

  /// Without a prefix that most names have; what has it not, such as an epoch, keeps its name.
  private func withoutPrefix() -> [StateDict] {
    StateDict.prefixes.compactMap { prefix in
      let count = tensors.count { $0.name.hasPrefix(prefix) }
      guard count > 0, count > tensors.count / 2 else { return nil }
      var copy = self
      copy.tensors = tensors.map { tensor in
        tensor.name.hasPrefix(prefix)
          ? tensor.renamed(to: String(tensor.name.dropFirst(prefix.count))) : tensor
      }
      let extent = count == tensors.count ? "every name" : "\(count) of \(tensors.count) names"
      copy.notes.append("the prefix '\(prefix)' is stripped from \(extent)")
      copy.recordCollisions()
      return copy
    }
  }

  /// The encoder of a full DETR under the names it has alone.
  private func asEncoder() -> [StateDict] {
    let lead = "transformer.encoder."
    guard tensors.contains(where: { $0.name.hasPrefix(lead + "layers.") }) else { return [] }
    var copy = self
    let left = tensors.filter { tensor in
      StateDict.detectionParts.contains { tensor.name.hasPrefix($0) }
    }
    let omitted = Set(left.map(\.name))
    copy.tensors = tensors.filter { !omitted.contains($0.name) }.map { tensor in
      tensor.name.hasPrefix(lead)
        ? tensor.renamed(to: "encoder." + tensor.name.dropFirst(lead.count)) : tensor
    }
    copy.notes.append("'transformer.encoder.' is read as 'encoder.': a full DETR checkpoint")
    copy.noteOmission(left, because: "of DETR's other parts")
    return [copy]
  }

  private mutating func noteOmission(_ tensors: [MappedTensor], because reason: String) {
    guard let first = tensors.first else { return }
    let more = tensors.count > 1 ? " (\(first.name), …)" : " (\(first.name))"
    notes.append(
      "\(tensors.count) \(tensors.count == 1 ? "entry" : "entries") \(reason) left out\(more)")
  }

  /// What follows `container` and a separator; groups in HDF5 read as dots, npz keeps slashes.
  private static func rest(of name: String, after container: String) -> String? {
    guard name.count > container.count + 1, name.hasPrefix(container) else { return nil }
    let rest = name.dropFirst(container.count)
    guard rest.first == "." || rest.first == "/" else { return nil }
    return String(rest.dropFirst())
  }
}

extension MappedTensor {
  func renamed(to name: String) -> MappedTensor {
    var copy = self
    copy.name = name
    return copy
  }
}
