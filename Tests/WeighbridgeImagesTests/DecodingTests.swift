import Foundation
import TestSupport
import Testing
import WeighbridgeCheckpoints
import WeighbridgeTensors

@testable import WeighbridgeImages

@Suite struct DecodingTests {
  static let pictures = Self.names.filter {
    ($0.hasSuffix(".png") || $0.hasSuffix(".jpg")) && $0 != "deep-grey.png"
  }
  private static let names =
    (try? FileManager.default.contentsOfDirectory(atPath: Repository.fixture("images"))) ?? []

  private func expected(_ name: String) throws -> Tensor {
    let file = try Checkpoints.open(Repository.fixture("images/decoded.npz"))
    return try file.tensor(name)
  }

  /// Every form of both formats, byte by byte what Pillow reads.
  @Test(arguments: pictures)
  func isWhatPillowReads(_ name: String) throws {
    let image = try Image(contentsOf: Repository.fixture("images/\(name)"))
    let expected = try expected(name)
    #expect(expected.shape == [image.height, image.width, 3])
    let values = try expected.elements(as: UInt8.self)
    // No bound is wide here: two versions of libjpeg-turbo decode alike.
    #expect(image.pixels == values)
  }

  @Test func allFormsAreThere() {
    #expect(DecodingTests.pictures.count == 15)
  }

  @Test func tensorIsChannelsFirstFromZeroToOne() throws {
    let image = try Image(width: 2, height: 1, pixels: [0, 51, 255, 102, 7, 1])
    let tensor = try image.tensor()
    #expect(tensor.shape == [1, 3, 1, 2])
    let bytes: [Float] = [0, 102, 51, 7, 255, 1]
    #expect(try tensor.elements(as: Float.self) == bytes.map { $0 / 255 })
    #expect(throws: WeighbridgeError.self) { try Image(width: 2, height: 2, pixels: [0, 0, 0]) }
    #expect(throws: WeighbridgeError.self) { try Image(width: 0, height: 1, pixels: []) }
    #expect(throws: WeighbridgeError.self) {
      try Image(width: .max, height: 3, pixels: [0, 0, 0])
    }
  }

  private func failure(_ path: String) -> WeighbridgeError? {
    do {
      _ = try Image(contentsOf: path)
      return nil
    } catch { return error as? WeighbridgeError }
  }

  @Test func greyOf16BitsIsNamed() {
    let error = failure(Repository.fixture("images/deep-grey.png"))
    #expect(error?.code == .unsupported)
    #expect(error?.message.hasPrefix("is grey of 16 bits") == true)
  }

  @Test func otherFilesAreNamed() throws {
    let space = try TemporaryDirectory()
    #expect(failure(space.path("none.png"))?.code == .unreadable)
    #expect(failure(space.url.path)?.description.contains("a directory") == true)
    let gif = try space.write(Array("GIF89a and more".utf8), "a.png")
    #expect(failure(gif)?.description.hasSuffix("a.png: is a GIF. Save it as PNG or JPEG") == true)
    let webp = try space.write(Array("RIFF1234WEBPVP8 ".utf8), "w")
    #expect(failure(webp)?.message == "is a WebP picture")
    #expect(failure(try space.write([1], "b"))?.message == "is no picture that is known")
    let numbers = failure(Repository.fixture("images/decoded.npz"))
    #expect(numbers?.code == .unsupported)
  }

  /// Cut anywhere, a picture is refused or, once all of its pixels are there, read.
  @Test(arguments: ["photo.png", "interlaced.png", "palette.png", "photo.jpg", "progressive.jpg"])
  func cutFilesAreRefused(_ name: String) throws {
    let space = try TemporaryDirectory()
    let whole = [UInt8](
      try Data(contentsOf: URL(fileURLWithPath: Repository.fixture("images/\(name)"))))
    let image = try Image(contentsOf: Repository.fixture("images/\(name)"))
    for count in stride(from: 9, to: whole.count - 2, by: 37) {
      let path = try space.write(Array(whole.prefix(count)), "cut")
      let error = try #require(failure(path), "\(count) of \(whole.count)")
      #expect(error.code == .malformed && error.file == path)
    }
    #expect(try Image(contentsOf: space.write(whole + [1, 2, 3], "more")) == image)
  }

  /// Damaged anywhere, the outcome is a picture of the same size or one line; never a trap.
  @Test(arguments: ["photo.png", "deep.png", "palette.png", "photo.jpg", "ink.jpg"])
  func damagedFilesNeverTrap(_ name: String) throws {
    let whole = [UInt8](
      try Data(contentsOf: URL(fileURLWithPath: Repository.fixture("images/\(name)"))))
    var random = SplitMix(seed: 5)
    for _ in 0..<400 {
      var bytes = whole
      for _ in 0..<3 {
        bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      do {
        let image = try bytes.withUnsafeBytes { try Image(decoding: $0) }
        #expect(image.pixels.count == 3 * image.width * image.height)
      } catch let error as WeighbridgeError {
        #expect(error.code == .malformed || error.code == .unsupported)
      }
    }
  }

  /// A header of 300 bytes that promises 12 GB.
  @Test func bombsAreRefusedByTheirHeaders() throws {
    var bytes = [UInt8](
      try Data(contentsOf: URL(fileURLWithPath: Repository.fixture("images/photo.jpg"))))
    let frame = try #require(bytes.indices.first { bytes[$0] == 0xff && bytes[$0 + 1] == 0xc0 })
    bytes.replaceSubrange(frame + 5..<frame + 9, with: [0xff, 0xdc, 0xff, 0xdc])
    let error = #expect(throws: WeighbridgeError.self) {
      try bytes.withUnsafeBytes { try Image(decoding: $0) }
    }
    #expect(error?.message.hasPrefix("says that it is 65500 × 65500 pixels") == true)
  }
}
