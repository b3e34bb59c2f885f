import WeighbridgeCheckpoints
import WeighbridgeModules
import WeighbridgeWeights

/// How a reference was sampled, from `metadata.sampling`.
package struct SamplingMetadata: Sendable {
  package var seed: Int
  /// The elements that a sampled activation keeps.
  package var limit: Int
  /// By the name that follows `samples/`.
  private var entries: [String: JSONDocument] = [:]

  /// - Throws: `malformed` or `unsupported`, naming the member.
  package init(_ document: JSONDocument) throws {
    guard case .string(let algorithm)? = document["algorithm"],
      case .integer(let version)? = document["version"],
      case .integer(let seed)? = document["seed"],
      case .integer(let limit)? = document["limit"], limit > 0,
      case .object(let members)? = document["entries"]
    else {
      throw SamplingMetadata.malformed(
        "the metadata's sampling is not {algorithm, version, seed, limit, entries}")
    }
    guard algorithm == SampleIndices.algorithm, version == SampleIndices.version else {
      throw WeighbridgeError(
        .unsupported,
        "activations were sampled by '\(algorithm)', version \(version); "
          + "known is '\(SampleIndices.algorithm)', version \(SampleIndices.version)",
        entry: "metadata", remedy: "Record the reference again with record(..., sample=N)")
    }
    (self.seed, self.limit) = (seed, limit)
    for member in members { entries[member.key] = member.value }
  }

  /// Joins what the metadata says of a sampled activation with the file's entries, and checks that
  /// they belong together.
  ///
  /// - Throws: `malformed` when they do not: sampled with another seed, too few values, no sums.
  package func entry(
    _ name: String, samples: CheckpointEntry, sums: CheckpointEntry?
  ) throws -> SampledEntry {
    func fail(_ message: String) -> WeighbridgeError {
      SamplingMetadata.malformed(message, entry: samples.rawPath)
    }
    guard let told = entries[name], let shape = SamplingMetadata.shape(told["shape"]),
      case .string(let check)? = told["check"]
    else {
      throw fail("the metadata does not say which elements these are (sampling.entries.\(name))")
    }
    let count = shape.elementCount
    let indices = SampleIndices(seed: seed, name: name, count: count, limit: limit)
    guard samples.shape == [indices.taken] else {
      throw fail(
        "\(indices.taken) of \(count) elements must be here (limit \(limit)), "
          + "these are \(samples.shape)")
    }
    let found = indices.checkValue
    guard found == check else {
      throw fail(
        "sampled with another seed than the metadata says: seed \(seed) gives indices of check "
          + "value \(found), recorded is \(check)")
    }
    guard let sums else { throw fail("the sums are missing (sums/\(name))") }
    let leading = Shape(Array(shape.prefix(sums.shape.rank)))
    guard sums.shape.rank < max(1, shape.rank), sums.shape == leading, sums.dtype == .float64 else {
      throw SamplingMetadata.malformed(
        "sums must be float64 over the last axes of \(shape), these are \(sums.dtype) \(sums.shape)",
        entry: sums.rawPath)
    }
    return SampledEntry(
      name: name, samples: samples.rawPath, sums: sums.rawPath, dtype: samples.dtype, shape: shape,
      indices: indices)
  }

  /// A shape of at least one element, whose size can be computed.
  private static func shape(_ document: JSONDocument?) -> Shape? {
    guard case .array(let values)? = document else { return nil }
    var dimensions: [Int] = []
    var count = 1
    for value in values {
      guard case .integer(let size) = value, size > 0 else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, product <= Int.max / 16 else { return nil }
      count = product
      dimensions.append(size)
    }
    return Shape(dimensions)
  }

  package static func malformed(_ message: String, entry: String = "metadata") -> WeighbridgeError {
    WeighbridgeError(
      .malformed, message, entry: entry,
      remedy: "Record the reference again with record(..., sample=N)")
  }
}
