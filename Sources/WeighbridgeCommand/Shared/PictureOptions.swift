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
  /// Holds a reference's first input against what pictures give, where some are given.
  func check(_ reference: Reference, _ result: inout ParityResult) throws {
    let recorded = reference.metadata.pictures
    guard let batch = try batch(recorded: recorded?.transform) else { return }
    for (path, sum) in zip(image, recorded?.sums ?? []) {
      guard try SHA256Sum.ofFile(path) == sum else {
        result.otherDifferences.append("\(path) is not the picture that was recorded")
        return
      }
    }
    let names = image.joined(separator: ", ")
    let input = try reference.inputs()[0]
    guard let difference = try batch.difference(from: input) else {
      result.otherDifferences.append(
        "inputs/0 is \(input.shape), and \(batch.transform) makes \(batch.tensor.shape) of \(names)"
      )
      return
    }
    // Sums in another order may round a value of a tensor's the other way; Pillow's are exact.
    let isTensor = batch.transform.backend == .tensor
    if difference.count == 0 {
      result.notes.append("inputs/0 is what \(batch.transform) makes of \(names), bit for bit")
    } else if isTensor, difference.steps < 1.01 {
      result.notes.append(
        "inputs/0 is what \(batch.transform) makes of \(names), but for a step of 255 in "
          + "\(difference.count.counted("value"))")
    } else {
      result.otherDifferences.append(
        "inputs/0 is not what \(batch.transform) makes of \(names): "
          + "\(difference.count.counted("value")) differ by up to "
          + "\((difference.steps * 100).rounded() / 100) steps of 255")
    }
  }
}
