import WeighbridgeModels
import WeighbridgeModules
import WeighbridgeNative

// native-only FILE: a model from its native file, run once on zeros. Without a file it only starts.
if CommandLine.arguments.count == 2 {
  do {
    let file = try NativeWeights.open(CommandLine.arguments[1])
    let model = try file.load(from: .builtIn)
    let outputs = try model.run([Tensor.zeros([1, 3, 224, 224])])
    print(outputs.map(\.shape.description).joined(separator: ", "))
  } catch {
    print(error)
  }
}
