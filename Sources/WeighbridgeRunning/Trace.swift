import WeighbridgeModules
import WeighbridgeReferences

/// What one run of a model on a reference's inputs showed.
package struct Trace: Sendable {
  /// In the order in which the calls returned.
  package var calls: [ModuleCall] = []
  /// For each call.
  package var findings: [[Finding]] = []
  package var outputs: [Tensor] = []
  /// For each output of the model or the reference; `nil` where the reference has no such output.
  package var outputFindings: [Finding?] = []
  /// Whether recorded tensors were put in place of ours even where their shape is another one.
  package var handsOnOtherShapes = true
  package var readSeconds = 0.0
  package var compareSeconds = 0.0
  /// The whole run, reading and comparing included.
  package var seconds = 0.0

  /// The model itself.
  package var forwardSeconds: Double { max(0, seconds - readSeconds - compareSeconds) }
}
