import WeighbridgeModules
import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeVerdicts

/// Looks closer at the first causes of a failure: draws them small.
struct Inspection {
  private let reference: Reference

  init(_ reference: Reference) { self.reference = reference }

  func details(
    of result: ParityResult, _ model: any Module, limit: Int = 4
  ) throws -> [LayerDetail] {
    var wanted: [Line: [Int]] = [:]
    var order: [Line] = []
    for cause in result.causes.prefix(limit) {
      guard let worst = (cause.isolated ?? cause.cumulative)?.figures.worst else { continue }
      wanted[cause.line] = worst.index
      order.append(cause.line)
    }
    guard !wanted.isEmpty else { return [] }
    let inputs = try reference.inputs()
    let probe = IsolatedOutputsProbe(
      reference, Set(result.causes.compactMap(\.key)), handsOnOtherShapes: result.handsOnOtherShapes
    )
    let outputs = try ProbeRun.with(probe) { try model.run(inputs) }
    let isolated = probe.outputs
    var details: [Line: LayerDetail] = [:]
    for (line, worst) in wanted {
      let pair: (got: Tensor, recorded: Tensor)
      switch line {
      case .module(let key):
        guard let got = isolated[key], let recorded = try reference.tensor(key) else { continue }
        pair = (got, recorded)
      case .output(let index) where index < outputs.count:
        pair = (outputs[index], try reference.output(index))
      case .input, .output, .production: continue
      }
      // What is worst stands under the recorded shape.
      let got = try result.verdict(on: line)?.likeRecorded(pair.got) ?? pair.got
      guard got.shape == pair.recorded.shape else { continue }
      details[line] = try LayerDetail(line, got: got, reference: pair.recorded, worst: worst)
    }
    return order.compactMap { details[$0] }
  }
}
