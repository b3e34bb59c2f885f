import WeighbridgeMapping
import WeighbridgeModules
import WeighbridgeReferences

extension ImportPlan {
  /// What a program that loads a native file without any reference computes otherwise than this plan:
  /// where the file only assumes what the reference knows, both are run on its inputs, unprobed.
  ///
  /// - Parameters:
  ///   - reference: Where the inputs come from.
  ///   - model: This plan's, bound in float32.
  /// - Returns: `contradictions`, where an output differs in any bit; nothing where none does.
  /// - Throws: what reading the inputs and running this plan's model throw.
  package func differencesAlone(
    on reference: Reference, _ model: any Module
  ) throws -> [String] {
    guard !contradictions.isEmpty else { return [] }
    let inputs = try reference.inputs()
    let ours = try ProbeRun.without { try model.run(inputs) }
    guard
      let alone = try? Loader(ArchitectureRegistry([architecture]))
        .plan(checkpoint, model: architecture.id).bind(),
      let theirs = try? ProbeRun.without({ try alone.run(inputs) }), theirs.count == ours.count
    else { return contradictions }
    let isSame = zip(ours, theirs).allSatisfy { $0.hasSameValues(as: $1) }
    return isSame ? [] : contradictions
  }
}
