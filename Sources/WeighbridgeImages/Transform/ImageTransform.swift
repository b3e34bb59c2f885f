/// What is done to a picture before a network sees it: torchvision's transforms, in their order.
///
/// ```swift
/// let transform = try ImageTransform("resize=256,crop=224,normalize=imagenet")
/// let input = try transform.tensor(of: Image(contentsOf: "photo.jpg"))  // [1, 3, 224, 224]
/// ```
public struct ImageTransform: Sendable, Hashable {
  /// What torchvision works on, which decides how sizes are changed.
  public enum Backend: String, Sendable, Hashable, CaseIterable {
    /// Pictures of Pillow's: always antialiased, every step rounded to 8 bits.
    case pillow
    /// Tensors of 8 bits: computed in float32, then rounded.
    case tensor
  }

  /// A size: of the shorter side, or of both.
  public enum Size: Sendable, Hashable {
    /// The shorter side in pixels; the other one keeps the proportions, rounded down.
    case shorterSide(Int)
    /// Both sides in pixels, whatever the proportions.
    case exact(height: Int, width: Int)
  }

  /// One step.
  public enum Step: Sendable, Hashable {
    /// `Resize`.
    case resize(Size, ResamplingFilter, antialias: Bool)
    /// `CenterCrop`; what is smaller is padded with black.
    case centerCrop(height: Int, width: Int)
    /// `Normalize`: `(x − mean) / deviation` of values from 0 to 1, channel by channel.
    case normalize(Statistics)
  }

  /// The mean and the standard deviation of each channel, of values from 0 to 1.
  public struct Statistics: Sendable, Hashable {
    /// What is subtracted, channel by channel: red, green, blue.
    public var mean: [Float]
    /// What is divided by, channel by channel: red, green, blue.
    public var deviation: [Float]

    /// Of values from 0 to 1, as torchvision's `Normalize` takes them; three of each.
    public init(mean: [Float], deviation: [Float]) {
      (self.mean, self.deviation) = (mean, deviation)
    }

    /// Statistics by the names that people give them.
    public static let named: [(name: String, statistics: Statistics)] = [
      ("imagenet", .init(mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])),
      ("half", .init(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])),
      (
        "clip",
        .init(
          mean: [0.48145466, 0.4578275, 0.40821073],
          deviation: [0.26862954, 0.26130258, 0.27577711])
      ),
    ]
  }

  /// How sizes are changed: as torchvision does to pictures, or to tensors.
  public var backend: Backend
  /// In their order; normalising comes last.
  public var steps: [Step]

  /// - Parameters:
  ///   - steps: In their order; normalising comes last.
  ///   - backend: How sizes are changed.
  public init(_ steps: [Step], backend: Backend = .pillow) {
    (self.steps, self.backend) = (steps, backend)
  }
}
