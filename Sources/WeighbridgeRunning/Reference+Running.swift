import WeighbridgeModules
import WeighbridgeReferences

extension Reference {
  /// Says of a model that cannot run on this reference's inputs whose inputs they are.
  package func running<R>(_ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as WeighbridgeError where error.code == .shape {
      throw error.ofRun(on: "this reference's inputs", inputShapes, areRecorded: true)
        .located(file: path)
    }
  }
}

extension WeighbridgeError {
  /// A shape that did not fit while a model ran, with what the model was given and where to look: the
  /// inputs may be another model's, and the forward may be wrong.
  ///
  /// - Parameters:
  ///   - inputs: What they are called.
  ///   - areRecorded: Whether they are a reference's.
  package func ofRun(
    on inputs: String, _ shapes: [Shape], areRecorded: Bool
  ) -> WeighbridgeError {
    var error = self
    let given = shapes.map(\.description).joined(separator: ", ")
    error.message = "the model cannot run on \(inputs) (\(given)): \(message)"
    let place = entry.flatMap { $0.isEmpty ? nil : $0 }
    let own =
      place.map { "\($0), and what the forward around it hands to it" } ?? "the model's own forward"
    error.remedy =
      remedy ?? "Look at \(own); where that is right, give "
      + (areRecorded ? "a reference recorded from this model and configuration" : "other inputs")
    return error
  }
}
