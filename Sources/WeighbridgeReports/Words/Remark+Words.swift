import WeighbridgeReferences
import WeighbridgeTensors
import WeighbridgeVerdicts

extension ParityResult {
  /// What a reader should know beside the figures, in words.
  public var notes: [String] { remarks.map(\.description) }
}

extension Remark: CustomStringConvertible {
  /// A sentence without a full stop.
  public var description: String {
    switch self {
    case .incomparable(let names, let ground): "\(Names.listed(names)): \(ground)"
    case .foreign(let count):
      "none of the \(count) recorded activations is a module of this model: is the reference of "
        + "another network?"
    case .calls(let counts):
      "called a different number of times: \(Names.listed(counts.map(\.description)))"
    case .aliases(let aliases):
      "the same module by another name: \(Names.listed(aliases.map(\.description)))"
    case .ignored(let names): "entries outside the layout were ignored: \(Names.listed(names))"
    case .gap(let gap): gap.description
    case .reachUnknown(let error):
      "which parameters are seen was not found out: \(error.description)"
    case .doubt(let doubt, let names): "\(Names.listed(names)): \(doubt.text)"
    case .unknownDTypes(let names):
      "dtypes in the metadata that are not known were ignored: \(Names.listed(names))"
    case .finer(let names):
      "\(Names.listed(names)): the metadata names a coarser dtype, but the values are finer than "
        + "that, and are judged as what they are"
    case .blindness(let blindness): blindness.remark
    case .sampling(let sampling, let ran): sampling.text(ran: ran)
    case .wrappers(let parts, let count):
      "recorded inside a wrapper: \(parts.map { "'\($0).'" }.joined(separator: " and ")) is taken "
        + "off \(count) recorded paths"
    case .nonFiniteInput(let index): "inputs/\(index) holds NaN or infinities"
    case .grown(let names):
      "\(Names.listed(names)): PyTorch's float32 and float64 are far apart here, too; every module "
        + "holds on recorded inputs, so this is rounding that has grown"
    case .moved(let names):
      "\(Names.listed(names)): moving every result by one unit in the last place moves them as far, "
        + "and every module holds on recorded inputs, so this is rounding that has grown; "
        + "validate(model, oracle:) with the model in float64 measures it"
    case .productionRounds(let names):
      "\(Names.listed(names)): the model run as a program runs it is no further from the probed run, "
        + "which holds, than moving every result by one unit in its last place takes it"
    case .productionDecides(let names):
      "\(Names.listed(names)): rounding decides what this network returns here. Run as a program runs "
        + "it, it returns something else than probed, and the same on inputs that differ from these "
        + "by one unit in the last place; other inputs prove more"
    case .oracleTooLarge(let byteCount):
      oracleSkipped("the activations take \(byteCount >> 20) MB")
    case .oracleTooSlow(let seconds):
      oracleSkipped("the float32 run alone took \(Int(seconds)) s")
    case .oracleFailed(let error): "float64 oracle skipped, it failed: \(error.description)"
    case .noTwin(let error):
      "the model does not run in float64, its rounding was measured by moving results by their last "
        + "bit: \(error.description)"
    case .unordered:
      "HDF5 lists activations by name, so the first difference is not the first in execution"
    case .sampledApart(let name):
      "\(name): sampled at other elements in each, so nothing was compared"
    case .nothingRan:
      "nothing ran, so what fails after the first failure is taken for its consequence"
    case .said(let text): text
    }
  }

  private func oracleSkipped(_ why: String) -> String {
    "float64 oracle skipped: \(why); PyTorch's elementwise defaults stand in where no noise is "
      + "recorded (\(Setting.oracle) always runs it)"
  }
}

extension Remark.Count {
  fileprivate var description: String { "\(path.name) (\(ours) here, \(recorded) recorded)" }
}

extension Remark.Alias {
  fileprivate var description: String { "\(name) (recorded as \(recorded))" }
}

extension Remark.Sampling {
  fileprivate func text(ran: Bool) -> String {
    let what =
      "\(count) of \(total) activations of \(path) are recorded as samples (at most \(limit) "
      + "elements, seed \(seed))"
    return ran
      ? what + " and sums. A layer whose inputs are only sampled runs on what was computed here: "
        + "where those are wrong, its own error is taken for their consequence"
      : what
  }
}

extension NoiseDoubt {
  /// What is said of the activations that it is about.
  package var text: String {
    switch self {
    case .notRepeatable:
      "two runs of PyTorch differ here, by chance and not by rounding: no noise is used, and they are "
        + "judged on recorded inputs alone; record without dropout, random numbers and memory that "
        + "nobody set"
    case .notFinite: "the recorded noise is not a finite number, and was not used"
    case .aboveActivation:
      "the recorded noise is larger than the activation itself, and was not used"
    case .bounded:
      "the recorded noise is above what rounding makes in as many operations, and was held at that"
    }
  }
}
