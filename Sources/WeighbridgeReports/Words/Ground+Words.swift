import WeighbridgeModules
import WeighbridgeVerdicts

extension LayerVerdict {
  /// Why it has its status, or what is odd about it, in words.
  public var reason: String? {
    guard let first = grounds.first else { return nil }
    return grounds.dropFirst().reduce(first.description) { text, ground in
      text + (ground.isAlternative ? ", " : "; ") + ground.description
    }
  }
}

extension Ground: CustomStringConvertible {
  /// In words that follow a layer's name.
  public var description: String {
    switch self {
    case .shape(let recorded, let ours): "recorded shape \(recorded), got \(ours)"
    case .shapes(let first, let second): "shape \(first) in the first, \(second) in the second"
    case .outputCount(let count): "the model returns \(count) outputs"
    case .dtype(let dtype): "is of \(dtype), which cannot show a float's error"
    case .empty: "holds no values, so there was nothing to compare (an empty batch?)"
    case .reshaped(let recorded, let ours, let step):
      "recorded as \(Format.shape(recorded.dimensions)), here \(Format.shape(ours.dimensions)): "
        + "\(step) makes ours of it"
    case .recordedNaN(let count): "the recorded activation holds \(count) NaN"
    case .recordedSumsNaN(let count): "\(count) sums of the recorded activation are NaN"
    case .nonFinite(let count, let total, let recorded):
      "\(count) of \(total) values are NaN or infinite, \(recorded) in the reference"
    case .sumsNonFinite(let count, let total):
      "\(count) of \(total) sums are NaN or infinite on one side only"
    case .mean(let index, let error, let ratio, let limit):
      "the mean at [\(index.map(String.init).joined(separator: ","))] is off by "
        + "\(Format.small(error)), \(Format.ratio(ratio)) times what is allowed, "
        + "limit \(Format.ratio(limit))"
    case .place(let place, let ratio):
      "within what its largest elements allow, but \(place) is off by \(Format.small(place.error)) "
        + "where values are \(Format.small(place.size)), \(Format.ratio(ratio)) times its own "
        + "rounding: elements elsewhere are much larger"
    case .aboveOwnRounding: "within the noise of the whole run, but far above its own rounding"
    case .amplifies(let gain, let siblings):
      "its relative error is \(Format.ratio(gain)) times that of the layer before it; its siblings' "
        + "are \(Format.ratio(siblings)) times"
    case .chance: "two runs of PyTorch differ here, so chance may have had a part in it"
    case .afterOtherShape(let name):
      "or wrong itself: \(name) has another shape and could not be set right"
    case .afterSamples(let name):
      "or wrong itself: \(name) is sampled and could not be set right"
    case .accused(let judgement):
      "within its limit isolated, \(judgement.ofLimit), but no layer fails isolated"
    case .misrecorded: "what it reads was recorded wrongly"
    case .input(let path, let kind):
      (kind.map { "\($0) has nothing to be wrong by itself: " } ?? "")
        + "its input is what \(path.author) computes wrongly"
    case .onTheWay(let path): "or what \(path.author) computes on the way to it"
    case .shows(let line): "shows at \(line)"
    }
  }
}

extension Ground.Place: CustomStringConvertible {
  /// `[:, 3]`, or `[0, 5] with the 15 elements after it`.
  public var description: String {
    let place = indices.map { $0.map(String.init) ?? ":" }.joined(separator: ", ")
    return "[\(place)]" + (run.map { " with the \($0 - 1) elements after it" } ?? "")
  }
}

extension ModulePath {
  /// Who computes there.
  fileprivate var author: String { self == .root ? "the model" : name }
}

extension Judgement {
  /// `3.9 of 4`, of the ratio that is nearer to its limit.
  var ofLimit: String {
    if let largestRatio, let largestLimit, largestRatio / largestLimit > ratio / limit {
      return "\(Format.ratio(largestRatio)) of \(Format.value(largestLimit)) at its largest element"
    }
    return "\(Format.ratio(ratio)) of \(Format.value(limit))"
  }
}
