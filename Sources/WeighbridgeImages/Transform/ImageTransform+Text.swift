import WeighbridgeTensors

extension ImageTransform {
  /// The largest side of a picture that a step may ask for.
  private static let largestSide = 1 << 14

  /// How a transform is written, for help and messages.
  public static let grammar = """
    pillow or tensor (what steps work on; pillow without it), resize=SIZE with :bilinear, :bicubic or \
    :nearest and with :no-antialias behind it, crop=SIZE, normalize=STATISTICS, joined by commas; \
    SIZE is the shorter side or HEIGHTxWIDTH, STATISTICS \
    \(Statistics.named.map(\.name).joined(separator: ", ")) or R/G/B:R/G/B, mean and deviation
    """

  /// Reads a transform from its text, `resize=256:bicubic,crop=224,normalize=imagenet`.
  ///
  /// - Throws: `usage`, with the step at fault.
  public init(_ text: String) throws {
    self.init([])
    for (index, part) in text.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
      if index == 0, let backend = Backend(rawValue: String(part)) {
        self.backend = backend
        continue
      }
      let step = try Self.step(part)
      if case .normalize? = steps.last {
        throw Self.malformed(part, "comes after normalizing, which is the last step")
      }
      steps.append(step)
    }
    for case .resize(_, let filter, antialias: false) in steps
    where backend == .pillow && filter != .nearest {
      throw WeighbridgeError(
        .usage, "Pillow always antialiases", remedy: "Begin the transform with 'tensor,'")
    }
  }

  private static func step(_ part: Substring) throws -> Step {
    let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard pair.count == 2 else { throw malformed(part, "is no step") }
    var options = pair[1].split(separator: ":", omittingEmptySubsequences: false)
    switch pair[0] {
    case "resize":
      let size = try size(options.removeFirst(), part)
      var (filter, antialias) = (ResamplingFilter.bilinear, true)
      for option in options {
        if let named = ResamplingFilter(rawValue: String(option)) {
          filter = named
        } else if option == "no-antialias" {
          antialias = false
        } else {
          throw malformed(part, "has an option '\(option)'")
        }
      }
      return .resize(size, filter, antialias: antialias && filter != .nearest)
    case "crop" where options.count == 1:
      switch try size(options[0], part) {
      case .shorterSide(let side): return .centerCrop(height: side, width: side)
      case .exact(let height, let width): return .centerCrop(height: height, width: width)
      }
    case "normalize":
      return .normalize(try statistics(options, part))
    default:
      throw malformed(part, "is no step")
    }
  }

  private static func size(_ text: Substring, _ part: Substring) throws -> Size {
    let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    switch (sides.first ?? nil, sides.count) {
    case (let side?, 1) where (1...largestSide).contains(side): return .shorterSide(side)
    case (let height?, 2) where (1...largestSide).contains(height):
      guard let width = sides[1], (1...largestSide).contains(width) else { break }
      return .exact(height: height, width: width)
    default: break
    }
    throw malformed(part, "has no size from 1 to \(largestSide)")
  }

  private static func statistics(_ options: [Substring], _ part: Substring) throws -> Statistics {
    if options.count == 1, let named = Statistics.named.first(where: { $0.name == options[0] }) {
      return named.statistics
    }
    let numbers = options.map { $0.split(separator: "/").map { Float($0) ?? .nan } }
    guard numbers.count == 2, numbers.allSatisfy({ $0.count == 3 && $0.allSatisfy(\.isFinite) }),
      numbers[1].allSatisfy({ $0 > 0 })
    else { throw malformed(part, "has no mean and deviation of three channels") }
    return Statistics(mean: numbers[0], deviation: numbers[1])
  }

  private static func malformed(_ part: Substring, _ message: String) -> WeighbridgeError {
    WeighbridgeError(.usage, "the transform's '\(part)' \(message)", remedy: "It is \(grammar)")
  }
}

extension ImageTransform: CustomStringConvertible {
  /// The text that gives the same transform.
  public var description: String {
    ((backend == .pillow ? [] : [backend.rawValue]) + steps.map(\.text)).joined(separator: ",")
  }
}

extension ImageTransform.Step {
  fileprivate var text: String {
    switch self {
    case .resize(let size, let filter, let antialias):
      let options =
        (filter == .bilinear ? "" : ":\(filter.rawValue)")
        + (antialias || filter == .nearest ? "" : ":no-antialias")
      return "resize=\(size.text)\(options)"
    case .centerCrop(let height, let width):
      return "crop=" + (height == width ? "\(height)" : "\(height)x\(width)")
    case .normalize(let statistics):
      let known = ImageTransform.Statistics.named.first { $0.statistics == statistics }?.name
      let numbers = [statistics.mean, statistics.deviation].map { channels in
        channels.map { "\($0)" }.joined(separator: "/")
      }
      return "normalize=" + (known ?? numbers.joined(separator: ":"))
    }
  }
}

extension ImageTransform.Size {
  fileprivate var text: String {
    switch self {
    case .shorterSide(let side): "\(side)"
    case .exact(let height, let width): "\(height)x\(width)"
    }
  }
}
