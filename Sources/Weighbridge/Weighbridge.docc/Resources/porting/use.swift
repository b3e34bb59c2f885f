import NetSwift
import WeighbridgeNative

let net = try NativeWeights.load("NetSwift/net_swift.safetensors") { try Net($0) }
let pixels = [Float](repeating: 0.5, count: 3 * 64 * 64)
print(try net(Tensor(pixels, shape: [1, 3, 64, 64])))
