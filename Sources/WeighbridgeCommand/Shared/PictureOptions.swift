import ArgumentParser
import Weighbridge
import WeighbridgeImages
import WeighbridgeWeights

/// Pictures in place of arrays.
struct PictureOptions: ParsableArguments {
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("PNG or JPEG files, one sample each.", valueName: "file"),
    completion: .files)
  var image: [String] = []

  @Option(
    help: ArgumentHelp(
      "What is done to pictures: resize=256,crop=224,normalize=imagenet.",
      discussion: "\(ImageTransform.grammar).", valueName: "steps"))
  var transform: String?

  /// The pictures as an input; `nil` where none is given.
  ///
  /// - Parameter recorded: How a reference's own pictures were transformed.
  /// - Throws: `usage` without a transform: none is right for every network.
  func batch(recorded: String? = nil) throws -> PictureBatch? {
    guard !image.isEmpty else {
      guard transform == nil else {
        throw WeighbridgeError(
          .usage, "--transform is for pictures", remedy: "Give --image FILE, too")
      }
      return nil
    }
    guard let text = transform ?? recorded else {
      throw WeighbridgeError(
        .usage, "what is done to a picture before the network sees it is not said",
        remedy: "Give --transform as in training: resize=256,crop=224,normalize=imagenet")
    }
    return try PictureBatch(image, ImageTransform(text))
  }
}

extension PictureOptions {
  /// What holding a reference's first input against pictures found.
  struct Finding {
    var note: String?
    var difference: String?
  }

  /// Holds a reference's first input against what pictures give; `nil` where none are given.
  ///
  /// - Throws: `usage` without a transform, and what reading throws.
  func finding(_ reference: Reference) throws -> Finding? {
    let recorded = reference.metadata.pictures
    guard let batch = try batch(recorded: recorded?.transform) else { return nil }
    for (path, sum) in zip(image, recorded?.sums ?? []) {
      guard try SHA256Sum.ofFile(path) == sum else {
        return Finding(difference: "\(path) is not the picture that was recorded")
      }
    }
    let (names, transform) = (image.joined(separator: ", "), batch.transform)
    let input = try reference.inputs()[0]
    guard let difference = try batch.difference(from: input) else {
      return Finding(
        difference:
          "inputs/0 is \(input.shape), and \(transform) makes \(batch.tensor.shape) of \(names)")
    }
    let values = difference.count.counted("value")
    // Sums in another order may round a value of a tensor's the other way; Pillow's are exact.
    let isTensor = transform.backend == .tensor
    if difference.count == 0 {
      return Finding(note: "inputs/0 is what \(transform) makes of \(names), bit for bit")
    } else if isTensor, difference.steps < 1.01 {
      return Finding(
        note: "inputs/0 is what \(transform) makes of \(names), but for a step of 255 in \(values)")
    }
    return Finding(
      difference: "inputs/0 is not what \(transform) makes of \(names): \(values) differ by up to "
        + "\((difference.steps * 100).rounded() / 100) steps of 255")
  }
}
