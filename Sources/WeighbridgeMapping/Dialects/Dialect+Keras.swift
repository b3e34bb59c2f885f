extension Dialect {
  /// Kernels are HWIO, which the format says; in a file of weights alone the variables of a norm without
  /// scale have numbers, and the last layer's order is asked, which follows a mean here. Without its
  /// last layer (`include_top=False`) it is the same trunk.
  static let kerasInception = [
    Dialect(
      "keras-inception", of: "Keras' InceptionV3, which has no gates", models: ["se_inception3"],
      markers: [],
      counted: [
        CountedLayers(
          "conv2d", variable: ["kernel"], paths: inceptionLayers.map { "model.\($0).conv" }),
        CountedLayers(
          "batch_normalization", variable: ["moving_variance", "2"],
          paths: inceptionLayers.map { "model.\($0).bn" }),
      ],
      configuration: ["bn_scale": "false", "count_include_pad": "false", "softmax": "true"],
      described: KerasDescription(endingIn: "predictions"),
      rules: """
        - rename: {regex: 'model\\.(.*)\\.bn\\.0', to: model.$1.bn.bias}
        - rename: {regex: 'model\\.(.*)\\.bn\\.1', to: model.$1.bn.running_mean}
        - rename: {regex: 'model\\.(.*)\\.bn\\.2', to: model.$1.bn.running_var}
        - transpose: {tensor: predictions.kernel}
        - rename: {prefix: predictions., to: model.fc.}
        """)
  ]

  /// Every convolution of Inception v3 in the order in which Keras makes them: branch by branch, the
  /// pooling branch last.
  private static let inceptionLayers: [String] = {
    func block(_ name: String, _ layers: String...) -> [String] {
      layers.map { "Mixed_\(name).\($0)" }
    }
    let stem = [
      "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3",
    ]
    let a = ["5b", "5c", "5d"].flatMap {
      block(
        $0, "branch1x1", "branch5x5_1", "branch5x5_2", "branch3x3dbl_1", "branch3x3dbl_2",
        "branch3x3dbl_3", "branch_pool")
    }
    let b = block("6a", "branch3x3", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
    let c = ["6b", "6c", "6d", "6e"].flatMap {
      block(
        $0, "branch1x1", "branch7x7_1", "branch7x7_2", "branch7x7_3", "branch7x7dbl_1",
        "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5", "branch_pool")
    }
    let d = block(
      "7a", "branch3x3_1", "branch3x3_2", "branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3",
      "branch7x7x3_4")
    let e = ["7b", "7c"].flatMap {
      block(
        $0, "branch1x1", "branch3x3_1", "branch3x3_2a", "branch3x3_2b", "branch3x3dbl_1",
        "branch3x3dbl_2", "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool")
    }
    return stem + a + b + c + d + e
  }()
}
