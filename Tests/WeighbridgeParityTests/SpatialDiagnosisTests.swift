import Testing
import WeighbridgeMapping
import WeighbridgeModules

@testable import WeighbridgeParity
@testable import WeighbridgeReports

/// Resizing, padding and their kin got wrong, as a module and in the code of a forward.
@Suite struct SpatialDiagnosisTests {
  private struct Form: Sendable, CustomTestStringConvertible {
    let kind: Cause.Kind
    let shape: Shape
    let here: @Sendable (WeightScope) throws -> any UnaryModule
    let there: @Sendable (WeightScope) throws -> any UnaryModule
    var testDescription: String { kind.rawValue }
  }

  /// A forward that resizes or pads itself, between two layers.
  private struct Written: Module {
    let path: ModulePath
    let first: Conv2d
    let last: ReLU
    let change: @Sendable (Tensor) throws -> Tensor

    init(_ w: WeightScope, _ change: @escaping @Sendable (Tensor) throws -> Tensor) throws {
      path = w.path
      first = try Conv2d(w / "first", in: 2, out: 4, kernel: 1)
      last = ReLU(w / "last")
      self.change = change
    }

    func forward(_ x: Tensor) throws -> Tensor { try last(change(first(x))) }
  }

  private static let modules: [Form] = [
    Form(
      kind: .alignCorners, shape: [1, 2, 5, 4], here: { Upsample($0, factor: 2, .bilinear) },
      there: { Upsample($0, factor: 2, .bilinear, alignCorners: true) }),
    Form(
      kind: .interpolationForm, shape: [1, 2, 5, 4], here: { Upsample($0, factor: 3, .bilinear) },
      there: { Upsample($0, factor: 3, .bicubic) }),
    Form(
      kind: .interpolationForm, shape: [1, 2, 5, 7],
      here: { Upsample($0, to: .size([3, 4]), Interpolation(.nearest)) },
      there: { Upsample($0, to: .size([3, 4]), Interpolation(.nearestExact)) }),
    Form(
      kind: .paddingMode, shape: [1, 2, 5, 4], here: { ZeroPad2d($0, 1) },
      there: { ReflectionPad2d($0, 1) }),
    Form(
      kind: .layerNormEpsilon, shape: [1, 3, 4, 4],
      here: { try LayerNorm2d($0, channels: 3) },
      there: { try LayerNorm2d($0, channels: 3, epsilon: 1e-3) }),
    Form(
      kind: .layerNormEpsilon, shape: [2, 3, 6], here: { try RMSNorm($0, features: 6) },
      there: { try RMSNorm($0, features: 6, epsilon: 1e-3) }),
    Form(
      kind: .padding, shape: [1, 3, 4, 4],
      here: { try ConvTranspose2d($0, in: 3, out: 2, kernel: 4, stride: 2, padding: 1) },
      there: {
        try ConvTranspose2d($0, in: 3, out: 2, kernel: 4, stride: 2, padding: 2, outputPadding: 1)
      }),
  ]

  @Test(arguments: modules) private func module(
    _ form: Form
  ) throws {
    let result = try diagnoses(of: [form.here], against: [form.there], input: form.shape)
    #expect(!result.passes)
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == form.kind, "\(diagnosis.best.cause.text)")
    #expect((diagnosis.best.ratio ?? .infinity) <= 2)
  }

  private static func written(
    _ change: @escaping @Sendable (Tensor) throws -> Tensor
  ) -> @Sendable (WeightScope) throws -> any UnaryModule {
    { try Written($0, change) }
  }

  private static let forwards: [Form] = [
    Form(
      kind: .alignCorners, shape: [1, 2, 5, 4],
      here: written { try $0.interpolated(to: [8, 9], Interpolation(.bilinear)) },
      there: written {
        try $0.interpolated(to: [8, 9], Interpolation(.bilinear, alignCorners: true))
      }),
    Form(
      kind: .interpolationForm, shape: [1, 2, 5, 4],
      here: written { try $0.interpolated(by: [1.7, 1.7], Interpolation(.bilinear)) },
      there: written {
        try $0.interpolated(by: [1.7, 1.7], Interpolation(.bilinear), recomputing: true)
      }),
    Form(
      kind: .paddingMode, shape: [1, 2, 5, 4],
      here: written { try $0.padded([AxisPadding(1, 1), AxisPadding(1, 1)], .constant(0)) },
      there: written { try $0.padded([AxisPadding(1, 1), AxisPadding(1, 1)], .replicate) }),
  ]

  @Test(arguments: forwards) private func forward(_ form: Form) throws {
    let result = try diagnoses(of: [form.here], against: [form.there], input: form.shape)
    #expect(!result.passes)
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == form.kind, "\(diagnosis.best.cause.text)")
  }

  /// A transposed convolution's kernel that was written with its outputs first.
  @Test func kernelOfAConvolution() throws {
    let layer: Layers = [{ try ConvTranspose2d($0, in: 3, out: 3, kernel: 2, stride: 2) }]
    let result = try diagnoses(of: layer, against: layer, input: [1, 3, 4, 4]) { tensors in
      let weight = try #require(tensors["net.0.weight"])
      tensors["net.0.weight"] = try weight.transposed(0, 1).contiguous()
    }
    let diagnosis = try #require(result.diagnoses.first)
    #expect(diagnosis.best.cause.kind == .weightLayout, "\(diagnosis.best.cause.text)")
    #expect(diagnosis.best.cause.text.contains("OIHW"), "\(diagnosis.best.cause.text)")
  }
}
