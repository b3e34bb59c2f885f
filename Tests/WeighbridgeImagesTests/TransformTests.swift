import TestSupport
import Testing
import WeighbridgeCheckpoints
import WeighbridgeTensors

@testable import WeighbridgeImages

@Suite struct TransformTests {
  static let names: [String] = (try? expected().entries.map(\.name)) ?? []

  private static func expected() throws -> any Checkpoint {
    try Checkpoints.open(Repository.fixture("images/transformed.npz"))
  }

  private func photo() throws -> Image {
    try Image(contentsOf: Repository.fixture("images/photo.png"))
  }

  /// On pictures of Pillow's every bit is torchvision's; on tensors a value may be one step of 255 off,
  /// where a sum in another order rounds otherwise.
  @Test(arguments: names)
  func isWhatTorchvisionMakes(_ text: String) throws {
    let transform = try ImageTransform(text)
    #expect(transform.description == text.replacing(":bilinear", with: ""))
    let ours = try transform.tensor(of: photo())
    let theirs = try TransformTests.expected().tensor(text)
    #expect(ours.shape == theirs.shape)
    let pairs = zip(try ours.elements(as: Float.self), try theirs.elements(as: Float.self))
    if transform.backend == .pillow {
      #expect(pairs.allSatisfy { $0 == $1 })
      return
    }
    var deviation: Float = 1
    if case .normalize(let statistics)? = transform.steps.last {
      deviation = statistics.deviation.min() ?? 1
    }
    let steps = pairs.map { abs($0 - $1) * 255 * deviation }
    #expect(steps.allSatisfy { $0 <= 1.001 })
    #expect(steps.count { $0 > 0.5 } * 1000 <= steps.count, "\(steps.count { $0 > 0.5 })")
  }

  @Test func allTransformsAreThere() {
    #expect(TransformTests.names.count == 15)
  }

  /// Worked out by hand: 4 → 2 pixels, a triangle of half-width 2 at 1 and at 3.
  @Test func weightsByHand() throws {
    let line = try Image(
      width: 4, height: 1, pixels: [10, 20, 30, 40].flatMap { [UInt8](repeating: $0, count: 3) })
    // Weights 0.75, 0.75, 0.25 over 1.75: (7.5 + 15 + 7.5) / 1.75 = 17.14.
    #expect(line.resized(width: 2, height: 1, .bilinear).pixels == [17, 17, 17, 33, 33, 33])
    #expect(line.resized(width: 2, height: 1, .nearest).pixels == [20, 20, 20, 40, 40, 40])
    #expect(line.resized(width: 4, height: 1, .bicubic) == line)
  }

  @Test func cropsRoundHalvesToEven() throws {
    let line = try Image(
      width: 5, height: 1, pixels: (0..<5).flatMap { [UInt8](repeating: $0, count: 3) })
    func crop(_ width: Int) -> [UInt8] {
      let cropped = line.cropped(height: 1, width: width)
      return stride(from: 0, to: cropped.pixels.count, by: 3).map { cropped.pixels[$0] }
    }
    // (5 − 2) / 2 = 1.5 is 2, (5 − 4) / 2 = 0.5 is 0.
    #expect(crop(2) == [2, 3])
    #expect(crop(4) == [0, 1, 2, 3])
    #expect(crop(8) == [0, 0, 1, 2, 3, 4, 0, 0])
  }

  @Test(arguments: [
    ("blur=3", "'blur=3' is no step"), ("", "'' is no step"), ("resize", "is no step"),
    ("resize=0", "has no size from 1 to 16384"), ("resize=10x", "has no size"),
    ("resize=20000", "has no size"), ("resize=1x2x3", "has no size"),
    ("resize=4:lanczos", "has an option 'lanczos'"), ("crop=4:nearest", "is no step"),
    ("normalize=0.5/0.5/0.5", "no mean and deviation"),
    ("normalize=0.5/0.5/0.5:1/0/1", "no mean and deviation"),
    ("normalize=0.5/nan/0.5:1/1/1", "no mean and deviation"),
    ("normalize=half,crop=4", "comes after normalizing"),
    ("resize=4:no-antialias", "Pillow always antialiases"),
  ])
  func whatIsNoTransformIsSaid(_ text: String, _ message: String) {
    let error = #expect(throws: WeighbridgeError.self) { try ImageTransform(text) }
    #expect(error?.code == .usage)
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    #expect(error?.remedy != nil)
  }

  @Test func numbersGiveTheSameTransform() throws {
    let text = "resize=4x5,normalize=0.25/0.5/0.75:1.0/2.0/4.0"
    #expect(try ImageTransform(text).description == text)
    let named = try ImageTransform("normalize=0.485/0.456/0.406:0.229/0.224/0.225")
    #expect(named.description == "normalize=imagenet")
  }
}
