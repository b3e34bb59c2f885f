import WeighbridgeCauses
import WeighbridgeModels
import WeighbridgeModules

extension VisionTransformer: Diagnosable {
  public func alternatives(for input: MaskedImage) throws -> [Alternative<MaskedImage, Tensor>] {
    let names = ["channel", "row", "column"]
    let orders = [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2], [2, 0, 1]]
      .filter { configuration.channels > 1 || $0.filter { $0 != 0 } != [1, 2] }
    let patches = orders.map { axes in
      let words = axes.map { names[$0] }.joined(separator: ", ")
      return alternative(
        .patchOrder,
        "patch_to_embedding reads a patch as (\(words)), it comes as (row, column, channel)",
        .parameters([patchColumns(from: axes)])
      ) { $0.patchAxes = axes }
    }
    return patches + imageAlternatives() + [
      alternative(
        .positionEncoding, "the reference adds no positions",
        .code("leave pos_embedding out, as the recorded network does")
      ) { $0.hasPositions = false },
      alternative(
        .positionEncoding, "the reference has the class token after the patches",
        .code("put the class token after the patches")
      ) { $0.isClassTokenLast = true },
      alternative(
        .poolingForm, "the reference's head reads the mean of all tokens, here the class token",
        .code("read the mean of all tokens")
      ) { $0.readsMean = true },
    ]
  }

  /// Takes the columns of patch_to_embedding from an order of (channel, row, column) to ours.
  private func patchColumns(from axes: [Int]) -> ParameterChange {
    let extents = [configuration.channels, configuration.patchSize, configuration.patchSize]
    let back = TokenForm().patchAxes.map { 1 + (axes.firstIndex(of: $0) ?? 0) }
    return ParameterChange(
      (path / "patch_to_embedding.weight").name,
      [
        .reshape([configuration.dim] + axes.map { extents[$0] }), .permute([0] + back),
        .reshape([configuration.dim, extents.reduce(1, *)]),
      ])
  }

  /// Images with their channels in the opposite order, or of another scale.
  private func imageAlternatives() -> [Alternative<MaskedImage, Tensor>] {
    let (channels, cells) = (
      configuration.channels, configuration.patchSize * configuration.patchSize
    )
    let scales = ImageScale.known(channels: channels).map { scale in
      Alternative<MaskedImage, Tensor>(
        Cause(
          .inputNormalization, "the reference's images are \(scale.name)",
          fix: .code("scale the images: \(scale.name)"))
      ) { try forward(MaskedImage(scale.apply(to: $0.image), mask: $0.mask)) }
    }
    guard (3...4).contains(channels) else { return scales }
    let dim = configuration.dim
    let reversed = Alternative<MaskedImage, Tensor>(
      Cause(
        .channelsReversed,
        "patch_to_embedding reads BGR where the image is RGB, or the other way round",
        fix: .parameters([
          .init(
            "patch_to_embedding.weight",
            [.reshape([dim, cells, channels]), .flip(2), .reshape([dim, cells * channels])])
        ]))
    ) { try forward(MaskedImage($0.image.flipped(1).contiguous(), mask: $0.mask)) }
    return scales + [reversed]
  }

  private func alternative(
    _ kind: Cause.Kind, _ text: String, _ fix: Cause.Fix, _ change: (inout TokenForm) -> Void
  ) -> Alternative<MaskedImage, Tensor> {
    var form = TokenForm()
    change(&form)
    let changed = form
    return Alternative(Cause(kind, text, fix: fix)) { try forward($0, changed) }
  }
}

extension Attention: Diagnosable {
  package func alternatives(for input: MaskedTokens) throws -> [Alternative<MaskedTokens, Tensor>] {
    let width = toQKV.weight.shape[1]
    var found = form.alternatives(features: toQKV.weight.shape[0] / 3, width: width, path).map {
      cause, form in
      Alternative<MaskedTokens, Tensor>(cause) { try toOut(attended($0, form)) }
    }
    if input.bias != nil {
      found.append(
        Alternative(
          Cause(
            .attentionMask, "the reference attends without the mask",
            fix: .code("leave the mask out, or record the reference with it"))
        ) { try toOut(attended(MaskedTokens($0.tokens), form)) })
    }
    return found
  }
}
