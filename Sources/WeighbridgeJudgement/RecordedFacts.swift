import WeighbridgeReferences
import WeighbridgeRunning
import WeighbridgeTensors

/// What a reference says of the tensors that were compared, read once.
package struct RecordedFacts: Sendable {
  /// A dtype, and whether the metadata names another one that the values deny.
  package typealias Precision = (dtype: DType, isDenied: Bool)

  private(set) var noise: [Line: Reference.Noise] = [:]
  private(set) var precision: [Line: Precision] = [:]
  /// Further names of modules that PyTorch knows by two, each with the one that is recorded.
  let aliases: [String: String]

  /// - Throws: when something recorded cannot be read.
  package init(_ reference: Reference, _ cumulative: Trace) throws {
    aliases = try reference.aliases()
    for (call, findings) in zip(cumulative.calls, cumulative.findings) {
      for finding in findings where finding.dtype != nil {
        let key = ActivationKey(call.path, call: call.call, item: finding.item)
        noise[.module(key)] = try reference.noise(key)
        precision[.module(key)] = try reference.precision(of: key)
      }
    }
    for index in 0..<reference.outputCount {
      noise[.output(index)] = try reference.outputNoise(index)
      precision[.output(index)] = try reference.outputPrecision(index)
    }
  }
}
