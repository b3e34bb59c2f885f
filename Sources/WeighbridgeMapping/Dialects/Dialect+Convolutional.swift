extension Dialect {
  static let squeezeAndExcitation = [
    Dialect(
      "timm-seresnet", of: "timm's seresnets and torchvision-style names",
      models: ["se_resnet18", "se_resnet34", "se_resnet50", "se_resnet101", "se_resnet152"],
      markers: ["conv1.weight", "layer1.0.se.fc1.weight", "layer1.0.se.fc2.weight", "fc.weight"],
      rules: """
        - reshape: {regex: '.*\\.se\\.fc[12]\\.weight', shape: [0, -1]}
        - rename: {regex: '(.*)\\.se\\.fc1\\.(.*)', to: $1.se.fc.0.$2}
        - rename: {regex: '(.*)\\.se\\.fc2\\.(.*)', to: $1.se.fc.2.$2}
        """)
  ]

  static let inception = [
    Dialect(
      "torchvision-inception", of: "torchvision's Inception3, which has no gates",
      models: ["se_inception3"],
      markers: [
        "Conv2d_1a_3x3.conv.weight", "Mixed_5b.branch1x1.conv.weight",
        "Mixed_7c.branch_pool.conv.weight", "fc.weight",
      ], ownLead: "model.",
      rules: """
        - rename: {regex: '(.*)', to: model.$1}
        """)
  ]

  static let detection = [
    Dialect(
      "hugging-face-detr", of: "Hugging Face's DetrForObjectDetection", models: ["detr_encoder"],
      markers: [
        "input_projection.weight", "encoder.layers.0.self_attn.q_proj.weight",
        "encoder.layers.0.self_attn_layer_norm.weight",
      ],
      rules: """
        - drop: {regex: '(?:.*\\.)?(?:backbone|decoder|query_position_embeddings)\\..*',
                 reason: a part of DETR beside its encoder}
        - drop: {regex: '(?:class_labels_classifier|bbox_predictor)\\..*', reason: DETR's heads}
        - rename: {prefix: input_projection., to: input_proj.}
        - concatenate: {regex: 'encoder\\.layers\\.(\\d+)\\.self_attn\\.q_proj\\.(.*)', axis: 0,
                        with: [encoder.layers.$1.self_attn.k_proj.$2,
                               encoder.layers.$1.self_attn.v_proj.$2],
                        into: encoder.layers.$1.self_attn.in_proj_$2}
        - rename: {regex: 'encoder\\.layers\\.(\\d+)\\.self_attn_layer_norm\\.(.*)',
                   to: encoder.layers.$1.norm1.$2}
        - rename: {regex: 'encoder\\.layers\\.(\\d+)\\.self_attn\\.o_proj\\.(.*)',
                   to: encoder.layers.$1.self_attn.out_proj.$2}
        - rename: {regex: 'encoder\\.layers\\.(\\d+)\\.(?:mlp\\.)?fc1\\.(.*)',
                   to: encoder.layers.$1.linear1.$2}
        - rename: {regex: 'encoder\\.layers\\.(\\d+)\\.(?:mlp\\.)?fc2\\.(.*)',
                   to: encoder.layers.$1.linear2.$2}
        - rename: {regex: 'encoder\\.layers\\.(\\d+)\\.final_layer_norm\\.(.*)',
                   to: encoder.layers.$1.norm2.$2}
        """)
  ]
}
