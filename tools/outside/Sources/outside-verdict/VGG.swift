import Weighbridge

/// torchvision's VGG features with batch norm, and a small classifier.
struct VGGPort: Module {
  struct Classifier: Module {
    let path: ModulePath
    var kind: String { "Sequential" }
    let linear0: Linear, linear3: Linear, linear6: Linear
    let relu1: ReLU, relu4: ReLU
    let drop2: Identity, drop5: Identity
    let mistake: Mistake

    init(_ w: WeightScope, _ mistake: Mistake) throws {
      path = w.path
      self.mistake = mistake
      linear0 = try Linear(w / 0, in: 512, out: 64)
      linear3 = try Linear(w / 3, in: 64, out: 64)
      linear6 = try Linear(w / 6, in: 64, out: 10)
      (relu1, relu4) = (ReLU(w / 1), ReLU(w / 4))
      (drop2, drop5) = (Identity.dropout(w / 2), Identity.dropout(w / 5))
    }

    func forward(_ x: Tensor) throws -> Tensor {
      var y = try linear3(drop2(relu1(linear0(x))))
      if mistake != .vggClassifierReluForgotten { y = try relu4(y) }
      return try linear6(drop5(y))
    }
  }

  let path: ModulePath
  let features: Sequential
  let avgpool: any UnaryModule
  let classifier: Classifier
  let mistake: Mistake

  init(_ w: WeightScope, _ mistake: Mistake) throws {
    path = w.path
    self.mistake = mistake
    var layers: [(WeightScope) throws -> any UnaryModule] = []
    var inputs = 3
    for width in [8, 0, 16, 16, 0, 32, 32] {
      if width == 0 {
        layers.append { MaxPool2d($0, kernel: 2, stride: 2) }
        continue
      }
      let from = inputs
      layers.append { try Conv2d($0, in: from, out: width, kernel: 3, padding: 1) }
      layers.append { try BatchNorm($0, channels: width) }
      layers.append { ReLU($0) }
      inputs = width
    }
    features = try Sequential(w / "features", layers)
    avgpool =
      mistake == .vggMaxPool
      ? MaxPool2d(w / "avgpool", kernel: 2) : AdaptiveAvgPool2d(w / "avgpool", outputSize: 4)
    classifier = try Classifier(w / "classifier", mistake)
  }

  func forward(_ x: Tensor) throws -> Tensor {
    var y = try avgpool(features(x))
    if mistake == .vggFlattenedChannelsLast { y = try y.permuted([0, 2, 3, 1]) }
    let logits = try classifier(y.flattened(from: 1))
    return mistake == .vggSoftmaxAtTheEnd ? try logits.softmax(axis: 1) : logits
  }
}
