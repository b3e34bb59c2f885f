import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeTensors
import WeighbridgeWeights

/// What travels beside the tensors and tells what their shapes cannot: hyperparameters in a training
/// checkpoint (`args.heads`), a hub's `config.json` (`config.num_attention_heads`).
struct CarriedConfiguration {
  /// The values, by the architecture's key.
  private(set) var values: [(key: String, value: ConfigurationValue)] = []
  private(set) var notes: [String] = []

  /// What others call a key.
  private static let synonyms: [String: [String]] = [
    "heads": ["num_heads", "num_attention_heads", "n_heads", "n_head", "nhead", "nheads"],
    "image_size": ["img_size", "input_size"],
    "layer_norm_eps": ["norm_eps"],
    "batch_norm_eps": ["bn_eps"],
  ]

  /// - Parameter keys: What the architecture is configured by; what shapes tell is not looked for.
  init(_ metadata: [String: String], _ keys: [ConfigurationKey]) {
    guard !metadata.isEmpty else { return }
    var found: [String: [(name: String, text: String)]] = [:]
    for (name, text) in metadata.sorted(by: { $0.key < $1.key }) {
      guard let last = name.split(whereSeparator: { $0 == "." || $0 == "/" }).last else { continue }
      found[String(last), default: []].append((name, text))
    }
    for key in keys where !key.isInferred {
      let names = [key.name] + (CarriedConfiguration.synonyms[key.name] ?? [])
      let candidates = names.flatMap { found[$0] ?? [] }.compactMap { item in
        CarriedConfiguration.value(of: key, item.text).map { (name: item.name, value: $0) }
      }
      guard let first = candidates.first else { continue }
      if let other = candidates.first(where: { $0.value != first.value }) {
        notes.append(
          "\(first.name) says \(key.name)=\(first.value), \(other.name) says \(other.value): "
            + "neither is taken")
        continue
      }
      values.append((key.name, first.value))
      notes.append("\(key.name)=\(first.value), by what the file carries as \(first.name)")
    }
  }

  private static func value(of key: ConfigurationKey, _ text: String) -> ConfigurationValue? {
    let document = (try? JSONDocument(parsing: text)) ?? .string(text)
    if case .number(let number) = document, let whole = Int(exactly: number),
      let value = try? key.value(of: .integer(whole))
    {
      return value
    }
    return try? key.value(of: document)
  }
}
