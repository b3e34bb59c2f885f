import WeighbridgeCauses
import WeighbridgeModels
import WeighbridgeModules

extension SpatialTransformer: Diagnosable {
  public func alternatives(for input: Tensor) throws -> [Alternative<Tensor, Tensor>] {
    let other = !alignCorners
    return [
      Alternative(
        Cause(
          .alignCorners, "align_corners is \(alignCorners) here and \(other) in the reference",
          fix: .configuration(key: "align_corners", value: .boolean(other)))
      ) { try forward($0, alignCorners: other) },
      Alternative(
        Cause(
          .alignCorners, "the reference reads θ's rows for y and x, here for x and y",
          fix: .code("exchange the rows of θ"))
      ) { try forward($0, alignCorners: alignCorners, isTransposed: true) },
      Alternative(
        Cause(
          .moduleSkipped, "the reference does not straighten the image",
          fix: .code("leave the spatial transformer out, as the recorded network does"))
      ) { try classified($0) },
    ]
  }
}
