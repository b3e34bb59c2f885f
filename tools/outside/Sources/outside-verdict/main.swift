import Foundation
import Weighbridge

// Runs cases and writes what the library says of them. Arguments: a file with one case a line,
//   network <tab> mistake <tab> weights <tab> reference <tab> prefix of what is written
// For each case there is PREFIX.json, the verdict, and PREFIX.txt, what is printed of it; where the
// library throws instead, PREFIX.error with the message.

func write(_ text: String, to path: String) throws {
  try Data(text.utf8).write(to: URL(fileURLWithPath: path))
}

func judge(_ fields: [String]) throws {
  guard fields.count == 5, let mistake = Mistake(rawValue: fields[1]) else {
    throw WeighbridgeError(.usage, "not a case: \(fields.joined(separator: " "))")
  }
  let (network, weights, reference, prefix) = (fields[0], fields[2], fields[3], fields[4])
  func judge<M: UnaryModule>(_ port: @escaping (WeightScope, Mistake) throws -> M) throws {
    let net = try Weights.load(weights) { try port($0, mistake) }
    let result = try Validator(Reference(path: reference)).validate(net)
    try write("\(result)\n", to: prefix + ".txt")
    try JSONEncoder().encode(Said(result)).write(to: URL(fileURLWithPath: prefix + ".json"))
  }
  do {
    switch network {
    case "resnet": try judge(ResNetPort.init)
    case "resnext": try judge(ResNeXtPort.init)
    case "unet": try judge(UNetPort.init)
    case "convnext": try judge(ConvNeXtPort.init)
    case "densenet": try judge(DenseNetPort.init)
    case "mobilenet": try judge(MobileNetPort.init)
    case "vit": try judge(ViTPort.init)
    case "mixer": try judge(MixerPort.init)
    case "googlenet": try judge(GoogLeNetPort.init)
    case "poolformer": try judge(PoolFormerPort.init)
    case "deeplab": try judge(DeepLabPort.init)
    case "vgg": try judge(VGGPort.init)
    default: throw WeighbridgeError(.usage, "there is no port of \(network)")
    }
  } catch {
    try write("\(error)\n", to: prefix + ".error")
  }
}

let arguments = CommandLine.arguments.dropFirst()
guard let list = arguments.first, arguments.count == 1 else {
  print("usage: outside-verdict CASES")
  exit(64)
}
do {
  for line in try String(contentsOfFile: list, encoding: .utf8).split(separator: "\n") {
    try judge(line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init))
  }
} catch {
  FileHandle.standardError.write(Data("outside-verdict: \(error)\n".utf8))
  exit(1)
}
