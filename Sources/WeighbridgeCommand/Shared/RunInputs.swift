import Weighbridge

/// What a model is run on: a file's arrays, or pictures.
struct RunInputs {
  let tensors: [Tensor]
  /// What a file says about the model.
  let metadata: RecordedMetadata
  /// The pictures, one per sample; empty where arrays are given.
  let pictures: [String]
  /// The file, or the first picture.
  let path: String
  private let file: InputFile?

  /// - Throws: `usage` when neither or both are given, and what reading throws.
  init(_ input: String?, _ pictures: PictureOptions) throws {
    if let batch = try pictures.batch() {
      guard input == nil else {
        throw WeighbridgeError(
          .usage, "--input and --image are both given", remedy: "Give one of them")
      }
      tensors = [batch.tensor]
      (metadata, file) = (RecordedMetadata(), nil)
      (self.pictures, path) = (pictures.image, pictures.image[0])
    } else if let input {
      let file = try InputFile(input)
      (tensors, metadata, self.file) = (file.tensors, file.metadata, file)
      (self.pictures, path) = ([], input)
    } else {
      throw WeighbridgeError(
        .usage, "there is nothing to run on", remedy: "Give --input FILE, or --image FILE")
    }
  }

  /// Checks that nobody has written into the file since it was opened.
  func checkUnchanged() throws { try file?.checkUnchanged() }

  /// What is probably wrong with inputs that a model does not take; `nil` where that is not known.
  func remedy(for error: WeighbridgeError) -> String? {
    guard let file else { return "Transform pictures as in training: --transform" }
    for (index, tensor) in tensors.enumerated()
    where !tensor.dtype.isFloatingPoint && tensor.dtype != .bool {
      return "Input \(index) is \(tensor.dtype): give images as float32, scaled as in training"
    }
    // No module is named: it was the count of inputs that did not fit.
    guard error.entry == nil, !file.isNumbered else { return nil }
    let count = tensors.count
    return "The model's inputs are wanted as inputs/0, inputs/1 …; this file has none, so its "
      + "\(count.counted("array")) \(count == 1 ? "was" : "were") taken in order. "
      + "Is it a checkpoint?"
  }
}
