import WeighbridgeCheckpoints
import WeighbridgeMapping
import WeighbridgeNetwork

/// A package of Swift that is a recorded network: its sources, and what stands beside them.
package struct PortedPackage: Sendable {
  /// A text of the package by its path below the package's folder.
  package struct File: Sendable, Hashable {
    package let path: String
    package let text: String
  }

  /// What the library of the package is called.
  package let name: String
  /// The id of its architecture.
  package let id: String
  package let files: [File]
  /// Modules that are stubs, each with the reason and the line of Python.
  package let limits: [String]
  /// How many structs there are.
  package let structCount: Int
  /// Where the weights and the recording stand, below the package's folder.
  package let weightsPath, referencePath: String
  /// Constants of the recording that the sources ask for beside the state dict, by full name.
  private let constants: [(name: String, tensor: Tensor)]
  /// Modules that are other names, whose tensors stand in the state dict twice.
  private let aliases: Set<String>

  /// Writes the Swift of a recorded network.
  ///
  /// - Parameters:
  ///   - network: What a reference holds.
  ///   - model: The network as `--model recorded` runs it, with its weights.
  ///   - inputs: The inputs that it was recorded with.
  ///   - recorded: What a module returned in a call, without elements that matter: what stands for modules
  ///     that cannot be run here.
  ///   - name: What the package is called; made an identifier.
  ///   - library: Where Weighbridge is: a folder's path or a repository's address.
  ///   - reference: The reference's path, whose copy the test opens.
  /// - Throws: What running the network throws.
  package init(
    _ network: Network, model: any Module, inputs: [Tensor],
    recorded: @escaping @Sendable (String, Int) -> [Tensor], name: String, library: String,
    reference: String
  ) throws {
    let observation = NetworkObservation(recorded: recorded)
    // What cannot be run shows itself in what was not seen.
    do {
      _ = try observation.observing { try model.run(inputs) }
    } catch let error as WeighbridgeError where error.code == .unsupported {}
    let porting = try Porting(Recording(network, observation))
    self.name = Names.type(name)
    id = PortedPackage.identifier(self.name)
    limits = porting.limits.map { Names.comment($0.summary, limit: 400) }
    structCount = porting.families.count
    constants = PortedPackage.constants(porting)
    aliases = Set(network.nodes.filter { $0.original != nil }.map(\.path))
    let suffix = Recording.name(of: reference)
    let isPlain =
      suffix.count < 16 && suffix.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
    weightsPath = "\(id).safetensors"
    referencePath = "Tests/\(self.name)Tests/reference.\(isPlain ? suffix : "npz")"
    files = SwiftFormat.formatted(
      try PackageWriter(
        porting: porting, name: self.name, id: id, library: library, weights: weightsPath,
        reference: referencePath
      ).files())
  }

  /// `NetSwift` as `net_swift`.
  private static func identifier(_ name: String) -> String {
    var result = ""
    for character in name {
      if character.isUppercase, let last = result.last, last.isLowercase { result += "_" }
      result += character.lowercased()
    }
    return result
  }

  private static func constants(_ porting: Porting) -> [(name: String, tensor: Tensor)] {
    let network = porting.recording.network
    var found: [(name: String, tensor: Tensor)] = []
    for node in network.nodes where node.original == nil {
      for buffer in node.buffers {
        guard let number = buffer.constant,
          porting.recording.layers.isRead(node.name(buffer.name))
        else { continue }
        found.append((node.name(buffer.name), network.constants[number]))
      }
    }
    for draft in porting.families.flatMap(\.drafts) {
      for constant in draft.constants {
        let node = network.nodes[draft.node]
        found.append((node.name(constant.name), network.constants[constant.number]))
      }
    }
    return found
  }

  /// The weights under the names that the sources ask for: those of a plan of the recorded network, and the
  /// constants.
  ///
  /// - Throws: What reading them throws.
  package func weights(_ plan: ImportPlan) throws -> any Checkpoint {
    var tensors = try plan.report.matched
      .filter { !aliases.contains(Recording.owner(of: $0.parameter)) }
      .map { (name: $0.parameter, tensor: try plan.source.tensor($0.parameter)) }
    let names = Set(tensors.map(\.name))
    tensors += constants.filter { !names.contains($0.name) }
    return MemoryCheckpoint(tensors, path: plan.checkpoint.path)
  }
}
