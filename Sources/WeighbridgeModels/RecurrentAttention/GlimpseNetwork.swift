import WeighbridgeModules

/// What is seen and where: relu(fc3(relu(fc1 φ)) + fc4(relu(fc2 l))) with φ the retina's patches,
/// images [B, C, H, W] and locations [B, 2] → [B, h_g + h_l].
public struct GlimpseNetwork: Architecture {
  public let path: ModulePath
  package let retina: Retina
  package let what1, where1, what2, where2: Linear

  /// From the keys `h_g`, `h_l`, `g`, `k`, `s` and `c`.
  ///
  /// - Throws: `usage` for values that `check` refuses, and what binding throws.
  public init(_ w: WeightScope, _ configuration: Configuration) throws {
    try Self.check(configuration)
    let (glimpse, location) = (
      try configuration.integer("h_g"), try configuration.integer("h_l")
    )
    let g = try configuration.integer("g")
    let features = try configuration.integer("k") * g * g * configuration.integer("c")
    path = w.path
    retina = try Retina(w / "retina", configuration)
    what1 = try Linear(w / "fc1", in: features, out: glimpse)
    where1 = try Linear(w / "fc2", in: 2, out: location)
    what2 = try Linear(w / "fc3", in: glimpse, out: glimpse + location)
    where2 = try Linear(w / "fc4", in: location, out: glimpse + location)
  }

  public func forward(_ input: GlimpseInput) throws -> Tensor {
    try input.check()
    let patches = try retina(input)
    guard patches.shape[1] == what1.inputCount else {
      throw WeighbridgeError(
        .shape,
        "images of \(input.image.shape[1]) channels give \(patches.shape[1]) values per glimpse, "
          + "fc1 takes \(what1.inputCount)")
    }
    let what = try what2(what1(patches).activated(.relu))
    let whereabouts = try where2(where1(input.location).activated(.relu))
    return try (what + whereabouts).activated(.relu)
  }
}

extension GlimpseNetwork {
  public static let id = "glimpse_network"
  public static let summary = "Recurrent attention's sensor: what is seen and where"

  public static let keys: [ConfigurationKey] =
    [
      .init("h_g", .integer, default: .integer(128), inferred: true, "hidden width of the glimpse"),
      .init(
        "h_l", .integer, default: .integer(128), inferred: true, "hidden width of the location"),
    ] + retinaKeys(g: 8, k: 3, s: 2, inferred: true) + [
      .init("c", .integer, default: .integer(1), inferred: true, "channels of the image")
    ]

  public static func recognizes(_ shapes: StateDictShapes) -> Bool {
    guard shapes.contains("fc1.weight", "fc2.weight", "fc3.weight", "fc4.weight"),
      shapes.names.allSatisfy({ $0.hasPrefix("fc") })
    else { return false }
    return shapes.extent("fc2.weight", 1) == 2
      && shapes.extent("fc3.weight", 1) == shapes.extent("fc1.weight", 0)
  }

  public static func infer(
    _ configuration: inout Configuration, from shapes: StateDictShapes
  ) throws {
    try infer(&configuration, under: "", from: shapes)
  }

  /// Infers from a sensor whose names begin with `prefix`. fc1 shows the product k·c·g².
  static func infer(
    _ configuration: inout Configuration, under prefix: String, from shapes: StateDictShapes
  ) throws {
    let (first, second) = (prefix + "fc1.weight", prefix + "fc2.weight")
    try configuration.infer("h_g", extent: 0, of: first, in: shapes)
    try configuration.infer("h_l", extent: 0, of: second, in: shapes)
    guard let features = shapes.extent(first, 1) else { return }
    try configuration.inferFactors(
      of: features, evidence: shapes.evidence(first),
      [
        Factor("g", power: 2, preferred: [7, 6, 5, 4, 12, 16]), Factor("c", preferred: [3]),
        Factor("k"),
      ])
  }

  public static func check(_ configuration: Configuration) throws {
    try configuration.requirePositive("h_g", "h_l", "c")
    try Retina.check(configuration)
    try configuration.require("g", in: 1...(1 << 14))
  }
}
