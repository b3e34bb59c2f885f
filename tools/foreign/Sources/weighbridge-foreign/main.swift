import Foundation
import Weighbridge

// weighbridge-foreign NETWORK WEIGHTS REFERENCE: validates a network that is not built in, as a user's
// program does; with --no-twin after them, without the same model in float64. Exit status 0: it holds, 1: it does not, 3: an error, 64: wrong usage.

func validated<M: Module>(
  _ weights: String, _ reference: String, twin: Bool, _ build: @escaping (WeightScope) throws -> M
) throws -> ParityResult {
  let validator = try Validator(Reference(path: reference))
  let model = try Weights.load(weights, build)
  guard twin else { return try validator.validate(model) }
  return try validator.validate(model) { try Weights.load(weights, dtype: .float64, build) }
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 3 || arguments.last == "--no-twin" && arguments.count == 4 else {
  print("usage: weighbridge-foreign NETWORK WEIGHTS REFERENCE [--no-twin]")
  exit(64)
}
do {
  let (weights, reference) = (arguments[1], arguments[2])
  let twin = arguments.count == 3
  let result: ParityResult
  switch arguments[0] {
  case "visformer_tiny":
    result = try validated(weights, reference, twin: twin) { try Visformer($0) }
  default:
    print("there is no network \(arguments[0]); there is visformer_tiny")
    exit(64)
  }
  print(result)
  exit(result.passes ? 0 : 1)
} catch {
  print(error)
  exit(3)
}
