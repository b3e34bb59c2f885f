import WeighbridgeModules
import WeighbridgeTensors

/// What training scripts wrap a state dict in.
enum Wrappers {
  /// Keys under which scripts save a state dict beside the optimizer and the epoch. What stands
  /// beside one is left out.
  static let containers = [
    "state_dict", "model_state_dict", "model_state", "model", "state_dict_ema", "model_ema", "ema",
    "net", "network", "params", "weights", "params_ema", "ema_state_dict", "ema_model_state_dict",
    "model_ema_state_dict", "net_state_dict", "network_state_dict", "net_ema", "network_ema",
    "weights_ema", "averaged_model", "swa_model",
  ]

  /// Prefixes that wrappers put before every name: `DataParallel`, `torch.compile`, Lightning, and
  /// modules that keep their network in an attribute. What has it not keeps its name.
  static let prefixes = ["module", "_orig_mod", "model", "net", "network", "ema_model"]

  /// Parts of a full DETR beside its input projection and encoder.
  static let detectionParts = [
    "backbone.", "transformer.decoder.", "class_embed.", "bbox_embed.", "query_embed.",
  ]

  /// The name before the first separator, and the rest after it. Groups in HDF5 read as dots, npz
  /// keeps slashes. `nil` where there is none, or nothing on one side of it.
  static func divided(_ name: String) -> (lead: Substring, separator: Character, rest: Substring)? {
    guard let mark = name.firstIndex(where: { $0 == "." || $0 == "/" }), mark != name.startIndex
    else { return nil }
    let rest = name[name.index(after: mark)...]
    return rest.isEmpty ? nil : (name[..<mark], name[mark], rest)
  }
}

/// One way to see a state dict: as it is, or with wrappers taken off.
struct StateDictView {
  /// What was taken off, outermost first: `["state_dict", "module"]`. Empty for the names as they are.
  private(set) var root: [String] = []
  /// What stands under the root, under names without it.
  private(set) var inside: [MappedTensor]
  /// What has not the prefix that was stripped, under its own name: it may belong to the model.
  private(set) var outside: [MappedTensor] = []
  /// What stands beside a container and is left out.
  private(set) var beside: [MappedTensor] = []
  private(set) var notes: [String]
  /// The rules that compute weights from reparametrisations, on the file's names; `nil` for a view
  /// that has the tensors as they are.
  private(set) var computed: [Rule]?
  /// The rules that read the file's own names and orders of axes as PyTorch's, on the file's names.
  private(set) var dialect: [Rule] = []
  /// What the file does not tell of orders.
  private(set) var questions: [FormQuestion] = []
  private let collisions: [Collision]

  /// The state dict's own names.
  init(_ stateDict: StateDict) {
    inside = stateDict.tensors
    notes = stateDict.notes
    collisions = stateDict.collisions
  }

  /// The root as `--root` takes it; empty for the names as they are.
  var rootName: String { root.joined(separator: ".") }

  /// The tensors as a state dict; one of `inside` wins over one of `outside`, and the clash is listed.
  var stateDict: StateDict {
    var stateDict = StateDict(entries: [])
    stateDict.tensors = inside + outside
    stateDict.collisions = collisions
    stateDict.notes = notes
    if !outside.isEmpty || !root.isEmpty { stateDict.recordCollisions() }
    return stateDict
  }

  /// Whether another view is of something that stands inside this one's root, or of the same.
  func encloses(_ other: StateDictView) -> Bool { other.root.starts(with: root) }

  /// What stands under a name that the user chose: `ema`, `state_dict.module`. What stands beside it
  /// is left out.
  ///
  /// - Throws: `mapping` when nothing does, with the names under which something does.
  func chosen(_ name: String) throws -> StateDictView {
    let wanted = name.split { $0 == "." || $0 == "/" }.map(String.init)
    guard !wanted.isEmpty else {
      throw WeighbridgeError(
        .usage, "\(Setting.anyRoot) takes a name such as ema or state_dict.module")
    }
    var view = self
    for step in wanted {
      let found = view.inside.compactMap { tensor -> MappedTensor? in
        guard let parts = Wrappers.divided(tensor.name), parts.lead == step else { return nil }
        return tensor.renamed(to: String(parts.rest))
      }
      guard !found.isEmpty else { throw view.nothing(under: name) }
      view.inside = found
      view.root.append(step)
    }
    view.notes.append(
      "what stands under '\(name)' is taken: \(view.inside.count) of \(inside.count) tensors")
    return view
  }

  /// With the entries as what their format says they are to PyTorch; `nil` where it says nothing.
  func readingForms() -> StateDictView? {
    guard inside.contains(where: { $0.form != nil }) else { return nil }
    var view = self
    let read = FormReading(inside)
    view.inside = read.tensors
    view.beside += read.beside
    view.dialect = read.rules
    view.questions = read.questions
    view.notes.append(read.note)
    for (reason, left) in read.reasons { view.noteOmission(left, because: reason) }
    return view
  }

  /// With the layers that a ledger has under other separators renamed: `block_dw` is `block.dw`, where
  /// no other layer reads so. `nil` where there are none.
  func aligned(to ledger: Ledger) -> StateDictView? {
    guard !dialect.isEmpty else { return nil }
    let alignment = PathAlignment(inside.map(\.name), ledger.requests.map(\.name))
    guard !alignment.renames.isEmpty else { return nil }
    var view = self
    view.inside = inside.map { tensor in
      alignment.renamed(tensor.name).map { tensor.renamed(to: $0) } ?? tensor
    }
    view.dialect += alignment.rules
    for index in view.questions.indices {
      let name = view.questions[index].name
      view.questions[index].name = alignment.renamed(name) ?? name
    }
    view.notes.append(alignment.note)
    return view
  }

  private func nothing(under name: String) -> WeighbridgeError {
    var counts: [String: Int] = [:]
    for tensor in inside {
      guard let parts = Wrappers.divided(tensor.name) else { continue }
      counts[(root + [String(parts.lead)]).joined(separator: "."), default: 0] += 1
    }
    let most = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(8).map(\.key)
    return WeighbridgeError(
      .mapping, "nothing stands under '\(name)', which \(Setting.anyRoot) names",
      remedy: most.isEmpty
        ? "Its names have no parts: leave \(Setting.anyRoot) out"
        : "It has \(most.joined(separator: ", "))")
  }
}

extension StateDictView {
  /// The most ways that are tried. Wrappers nest: a compiled model in DataParallel under
  /// `state_dict`.
  private static let limit = 64

  /// The ways to see it, this one first, since a model's own names may begin with `model.`; then
  /// from the outer wrappers to the inner ones.
  func unwrapped() -> [StateDictView] {
    var found = [self]
    var position = 0
    while position < found.count, found.count < StateDictView.limit {
      found += found[position].opened()
      position += 1
    }
    // A model may ask for the parts themselves, and the names as they are come first.
    return found.prefix(StateDictView.limit).flatMap { view in
      [view] + (view.computingWeights().map { [$0] } ?? [])
    }.flatMap { view in
      [view] + (view.joiningProjections().map { [$0] } ?? [])
    }
  }

  /// With rules applied to what is inside; `nil` where there are none, or they do not apply.
  ///
  /// - Parameter fileRules: The same in the file's own names.
  private func applying(_ rules: [Rule], as fileRules: [Rule]) -> StateDictView? {
    var stateDict = StateDict(entries: [])
    stateDict.tensors = inside
    guard !rules.isEmpty, let applied = try? Rules(rules).apply(to: stateDict) else { return nil }
    var view = self
    view.inside = applied.stateDict.tensors
    view.computed = (computed ?? []) + fileRules
    return view
  }

  /// With what is one in PyTorch's attention in place of queries, keys and values apart; `nil` where there
  /// are none.
  private func joiningProjections() -> StateDictView? {
    let triples = SplitProjections.complete(inside)
    guard var view = applying(triples.map(\.rule), as: triples.map(\.fileRule)) else { return nil }
    view.notes.append("queries, keys and values that lie apart are joined (\(triples.count))")
    return view
  }

  /// With weights in place of the parts that PyTorch computes them from; `nil` where there are none.
  private func computingWeights() -> StateDictView? {
    let families = TensorFamily.complete(inside)
    guard var view = applying(families.map(\.rule), as: families.map(\.fileRule)) else {
      return nil
    }
    let kinds = ["weight_norm", "spectral_norm"].compactMap { keyword -> String? in
      let count = families.count { $0.rule.keyword == keyword }
      return count == 0 ? nil : "\(keyword) (\(count))"
    }
    view.notes.append(
      "weights are computed as PyTorch does from \(kinds.joined(separator: " and "))")
    return view
  }

  /// This view with one wrapper taken off, in every way.
  private func opened() -> [StateDictView] {
    var groups: [Substring: [Int]] = [:]
    for (index, tensor) in inside.enumerated() {
      guard let parts = Wrappers.divided(tensor.name) else { continue }
      groups[parts.lead, default: []].append(index)
    }
    var views: [StateDictView] = []
    for name in Wrappers.prefixes {
      if let members = groups[name[...]] { views.append(stripped(name, members)) }
    }
    for name in Wrappers.containers {
      guard let members = groups[name[...]] else { continue }
      // Where every name has it, it is a prefix, and that view is there.
      if members.count == inside.count, Wrappers.prefixes.contains(name) { continue }
      views.append(entered(name, members))
    }
    if let encoder = encoder() { views.append(encoder) }
    return views
  }

  private func stripped(_ name: String, _ members: [Int]) -> StateDictView {
    var view = self
    let rest = Set(inside.indices).subtracting(members).sorted()
    view.inside = members.map { inside[$0].withoutLead }
    view.outside += rest.map { inside[$0] }
    view.root.append(name)
    let extent =
      rest.isEmpty ? "every name" : "\(members.count) of \(inside.count) names"
    view.notes.append("the prefix '\(name).' is stripped from \(extent)")
    return view
  }

  private func entered(_ name: String, _ members: [Int]) -> StateDictView {
    var view = self
    let rest = Set(inside.indices).subtracting(members).sorted().map { inside[$0] } + outside
    view.inside = members.map { inside[$0].withoutLead }
    view.outside = []
    view.beside += rest
    view.root.append(name)
    view.notes.append("the state dict is nested under '\(name)'")
    view.noteOmission(rest, because: "beside '\(name)'")
    return view
  }

  /// The encoder of a full DETR under the names it has alone.
  private func encoder() -> StateDictView? {
    let lead = "transformer.encoder."
    guard inside.contains(where: { $0.name.hasPrefix(lead + "layers.") }) else { return nil }
    var view = self
    let left = inside.filter { tensor in
      Wrappers.detectionParts.contains { tensor.name.hasPrefix($0) }
    }
    let omitted = Set(left.map(\.name))
    view.inside = inside.filter { !omitted.contains($0.name) }.map { tensor in
      tensor.name.hasPrefix(lead)
        ? tensor.renamed(to: "encoder." + tensor.name.dropFirst(lead.count)) : tensor
    }
    view.notes.append("'transformer.encoder.' is read as 'encoder.': a full DETR checkpoint")
    view.noteOmission(left, because: "of DETR's other parts")
    return view
  }

  private mutating func noteOmission(_ tensors: [MappedTensor], because reason: String) {
    guard let first = tensors.first else { return }
    let more = tensors.count > 1 ? " (\(first.name), …)" : " (\(first.name))"
    notes.append("\(tensors.count.entries) \(reason) left out\(more)")
  }
}

extension Int {
  /// `1 entry`, `2 entries`.
  var entries: String { "\(self) \(self == 1 ? "entry" : "entries")" }
}

extension MappedTensor {
  func renamed(to name: String) -> MappedTensor {
    var copy = self
    copy.name = name
    return copy
  }

  /// Without the name's first component.
  fileprivate var withoutLead: MappedTensor {
    Wrappers.divided(name).map { renamed(to: String($0.rest)) } ?? self
  }
}
