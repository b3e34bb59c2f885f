extension Dialect {
  /// What all of them compute otherwise than vit-pytorch's early releases: scores are scaled by the
  /// head's width.
  private static let scaledByHead = ["scale": "dim_head"]

  static let visionTransformers = [
    Dialect(
      "vit-pytorch-0.2.8", of: "vit-pytorch from 0.2.8", models: ["vit"],
      markers: ["to_patch_embedding.1.weight", "transformer.layers.0.0.fn.norm.weight"],
      rules: """
        - rename: {prefix: to_patch_embedding.1., to: patch_to_embedding.}
        """),
    Dialect(
      "vit-pytorch-0.19", of: "vit-pytorch from 0.19", models: ["vit"],
      markers: ["to_patch_embedding.1.weight", "transformer.layers.0.0.fn.to_qkv.weight"],
      configuration: scaledByHead,
      rules: """
        - rename: {prefix: to_patch_embedding.1., to: patch_to_embedding.}
        - rename: {regex: 'transformer\\.layers\\.(\\d+)\\.([01])\\.fn\\.(.*)',
                   to: transformer.layers.$1.$2.fn.fn.$3}
        - rename: {regex: 'transformer\\.layers\\.(\\d+)\\.([01])\\.norm\\.(.*)',
                   to: transformer.layers.$1.$2.fn.norm.$3}
        """),
    Dialect(
      "timm-vit", of: "timm's vision transformers", models: ["vit"],
      markers: ["patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "cls_token", "pos_embed"],
      configuration: scaledByHead.merging(["ln_eps": "1e-6"]) { $1 },
      rules: """
        - permute: {tensor: patch_embed.proj.weight, axes: [0, 2, 3, 1]}
        - reshape: {tensor: patch_embed.proj.weight, shape: [0, -1]}
        - rename: {prefix: patch_embed.proj., to: patch_to_embedding.}
        - rename: {tensor: pos_embed, to: pos_embedding}
        - rename: {regex: 'blocks\\.(\\d+)\\.norm1\\.(.*)', to: transformer.layers.$1.0.fn.norm.$2}
        - rename: {regex: 'blocks\\.(\\d+)\\.attn\\.qkv\\.(.*)',
                   to: transformer.layers.$1.0.fn.fn.to_qkv.$2}
        - rename: {regex: 'blocks\\.(\\d+)\\.attn\\.proj\\.(.*)',
                   to: transformer.layers.$1.0.fn.fn.to_out.0.$2}
        - rename: {regex: 'blocks\\.(\\d+)\\.norm2\\.(.*)', to: transformer.layers.$1.1.fn.norm.$2}
        - rename: {regex: 'blocks\\.(\\d+)\\.mlp\\.fc1\\.(.*)',
                   to: transformer.layers.$1.1.fn.fn.net.0.$2}
        - rename: {regex: 'blocks\\.(\\d+)\\.mlp\\.fc2\\.(.*)',
                   to: transformer.layers.$1.1.fn.fn.net.3.$2}
        - rename: {prefix: norm., to: mlp_head.0.}
        - rename: {prefix: head., to: mlp_head.1.}
        """),
    Dialect(
      "torchvision-vit", of: "torchvision's vision transformers", models: ["vit"],
      markers: [
        "conv_proj.weight", "class_token", "encoder.pos_embedding",
        "encoder.layers.encoder_layer_0.self_attention.in_proj_weight",
      ],
      configuration: scaledByHead.merging(["ln_eps": "1e-6"]) { $1 },
      rules: """
        - permute: {tensor: conv_proj.weight, axes: [0, 2, 3, 1]}
        - reshape: {tensor: conv_proj.weight, shape: [0, -1]}
        - rename: {prefix: conv_proj., to: patch_to_embedding.}
        - rename: {tensor: class_token, to: cls_token}
        - rename: {tensor: encoder.pos_embedding, to: pos_embedding}
        - rename: {regex: 'encoder\\.layers\\.encoder_layer_(\\d+)\\.(.*)', to: layer.$1.$2}
        - rename: {regex: 'layer\\.(\\d+)\\.ln_1\\.(.*)', to: transformer.layers.$1.0.fn.norm.$2}
        - rename: {regex: 'layer\\.(\\d+)\\.self_attention\\.in_proj_(.*)',
                   to: transformer.layers.$1.0.fn.fn.to_qkv.$2}
        - rename: {regex: 'layer\\.(\\d+)\\.self_attention\\.out_proj\\.(.*)',
                   to: transformer.layers.$1.0.fn.fn.to_out.0.$2}
        - rename: {regex: 'layer\\.(\\d+)\\.ln_2\\.(.*)', to: transformer.layers.$1.1.fn.norm.$2}
        - rename: {regex: 'layer\\.(\\d+)\\.mlp\\.(?:linear_1|0)\\.(.*)',
                   to: transformer.layers.$1.1.fn.fn.net.0.$2}
        - rename: {regex: 'layer\\.(\\d+)\\.mlp\\.(?:linear_2|3)\\.(.*)',
                   to: transformer.layers.$1.1.fn.fn.net.3.$2}
        - rename: {prefix: encoder.ln., to: mlp_head.0.}
        - rename: {prefix: heads.head., to: mlp_head.1.}
        """),
    Dialect(
      "hugging-face-vit", of: "Hugging Face's ViTForImageClassification", models: ["vit"],
      markers: [
        "vit.embeddings.cls_token", "vit.embeddings.patch_embeddings.projection.weight",
        "vit.encoder.layer.0.attention.attention.query.weight",
      ],
      configuration: scaledByHead.merging(["ln_eps": "1e-12"]) { $1 },
      rules: huggingFaceEnds + huggingFace),
    Dialect(
      "hugging-face-vit-5", of: "Hugging Face's ViTForImageClassification of version 5",
      models: ["vit"],
      markers: [
        "vit.embeddings.cls_token", "vit.embeddings.patch_embeddings.projection.weight",
        "vit.layers.0.attention.q_proj.weight",
      ],
      configuration: scaledByHead.merging(["ln_eps": "1e-12"]) { $1 },
      rules: huggingFaceEnds + huggingFace5),
    Dialect(
      "google-vit", of: "Google's npz files", models: ["vit"],
      markers: [
        "embedding/kernel", "cls", "Transformer/posembed_input/pos_embedding",
        "Transformer/encoderblock_0/MultiHeadDotProductAttention_1/query/kernel",
      ],
      configuration: scaledByHead.merging(["ln_eps": "1e-6"]) { $1 },
      rules: google),
  ]

  /// What stands before and behind the blocks, under the same names in both versions.
  private static let huggingFaceEnds = """
    - rename: {prefix: vit.embeddings., to: ''}
    - permute: {tensor: patch_embeddings.projection.weight, axes: [0, 2, 3, 1]}
    - reshape: {tensor: patch_embeddings.projection.weight, shape: [0, -1]}
    - rename: {prefix: patch_embeddings.projection., to: patch_to_embedding.}
    - rename: {tensor: position_embeddings, to: pos_embedding}
    - rename: {prefix: vit.layernorm., to: mlp_head.0.}
    - rename: {prefix: classifier., to: mlp_head.1.}

    """

  private static let huggingFace = """
    - rename: {prefix: vit.encoder., to: ''}
    - rename: {regex: 'layer\\.(\\d+)\\.layernorm_before\\.(.*)',
               to: transformer.layers.$1.0.fn.norm.$2}
    - concatenate: {regex: 'layer\\.(\\d+)\\.attention\\.attention\\.query\\.(.*)', axis: 0,
                    with: [layer.$1.attention.attention.key.$2, layer.$1.attention.attention.value.$2],
                    into: transformer.layers.$1.0.fn.fn.to_qkv.$2}
    - rename: {regex: 'layer\\.(\\d+)\\.attention\\.output\\.dense\\.(.*)',
               to: transformer.layers.$1.0.fn.fn.to_out.0.$2}
    - rename: {regex: 'layer\\.(\\d+)\\.layernorm_after\\.(.*)',
               to: transformer.layers.$1.1.fn.norm.$2}
    - rename: {regex: 'layer\\.(\\d+)\\.intermediate\\.dense\\.(.*)',
               to: transformer.layers.$1.1.fn.fn.net.0.$2}
    - rename: {regex: 'layer\\.(\\d+)\\.output\\.dense\\.(.*)',
               to: transformer.layers.$1.1.fn.fn.net.3.$2}
    """

  private static let huggingFace5 = """
    - rename: {regex: 'vit\\.layers\\.(\\d+)\\.layernorm_before\\.(.*)',
               to: transformer.layers.$1.0.fn.norm.$2}
    - concatenate: {regex: 'vit\\.layers\\.(\\d+)\\.attention\\.q_proj\\.(.*)', axis: 0,
                    with: [vit.layers.$1.attention.k_proj.$2, vit.layers.$1.attention.v_proj.$2],
                    into: transformer.layers.$1.0.fn.fn.to_qkv.$2}
    - rename: {regex: 'vit\\.layers\\.(\\d+)\\.attention\\.o_proj\\.(.*)',
               to: transformer.layers.$1.0.fn.fn.to_out.0.$2}
    - rename: {regex: 'vit\\.layers\\.(\\d+)\\.layernorm_after\\.(.*)',
               to: transformer.layers.$1.1.fn.norm.$2}
    - rename: {regex: 'vit\\.layers\\.(\\d+)\\.mlp\\.fc1\\.(.*)',
               to: transformer.layers.$1.1.fn.fn.net.0.$2}
    - rename: {regex: 'vit\\.layers\\.(\\d+)\\.mlp\\.fc2\\.(.*)',
               to: transformer.layers.$1.1.fn.fn.net.3.$2}
    """

  /// Kernels are [in, out], those of attention [in, heads, width] and [heads, width, out]; the patches'
  /// kernel is HWIO.
  private static let google = """
    - permute: {tensor: embedding/kernel, axes: [3, 0, 1, 2]}
    - reshape: {tensor: embedding/kernel, shape: [0, -1]}
    - rename: {tensor: embedding/kernel, to: patch_to_embedding.weight}
    - rename: {tensor: embedding/bias, to: patch_to_embedding.bias}
    - rename: {tensor: cls, to: cls_token}
    - rename: {tensor: Transformer/posembed_input/pos_embedding, to: pos_embedding}
    - rename: {regex: 'Transformer/encoderblock_(\\d+)/(.*)', to: block.$1.$2}
    - rename: {regex: 'block\\.(\\d+)\\.MultiHeadDotProductAttention_\\d+/(.*)', to: block.$1.mha.$2}
    - reshape: {regex: 'block\\.\\d+\\.mha\\.(?:query|key|value)/kernel', shape: [0, -1]}
    - transpose: {regex: 'block\\.\\d+\\.mha\\.(?:query|key|value)/kernel'}
    - reshape: {regex: 'block\\.\\d+\\.mha\\.(?:query|key|value)/bias', shape: [-1]}
    - concatenate: {regex: 'block\\.(\\d+)\\.mha\\.query/kernel', axis: 0,
                    with: [block.$1.mha.key/kernel, block.$1.mha.value/kernel],
                    into: transformer.layers.$1.0.fn.fn.to_qkv.weight}
    - concatenate: {regex: 'block\\.(\\d+)\\.mha\\.query/bias', axis: 0,
                    with: [block.$1.mha.key/bias, block.$1.mha.value/bias],
                    into: transformer.layers.$1.0.fn.fn.to_qkv.bias}
    - permute: {regex: 'block\\.\\d+\\.mha\\.out/kernel', axes: [2, 0, 1]}
    - reshape: {regex: 'block\\.\\d+\\.mha\\.out/kernel', shape: [0, -1]}
    - rename: {regex: 'block\\.(\\d+)\\.mha\\.out/kernel',
               to: transformer.layers.$1.0.fn.fn.to_out.0.weight}
    - rename: {regex: 'block\\.(\\d+)\\.mha\\.out/bias',
               to: transformer.layers.$1.0.fn.fn.to_out.0.bias}
    - transpose: {regex: 'block\\.\\d+\\.MlpBlock_\\d+/Dense_\\d/kernel'}
    - rename: {regex: 'block\\.(\\d+)\\.MlpBlock_\\d+/Dense_0/kernel',
               to: transformer.layers.$1.1.fn.fn.net.0.weight}
    - rename: {regex: 'block\\.(\\d+)\\.MlpBlock_\\d+/Dense_0/bias',
               to: transformer.layers.$1.1.fn.fn.net.0.bias}
    - rename: {regex: 'block\\.(\\d+)\\.MlpBlock_\\d+/Dense_1/kernel',
               to: transformer.layers.$1.1.fn.fn.net.3.weight}
    - rename: {regex: 'block\\.(\\d+)\\.MlpBlock_\\d+/Dense_1/bias',
               to: transformer.layers.$1.1.fn.fn.net.3.bias}
    - rename: {regex: 'block\\.(\\d+)\\.LayerNorm_0/scale', to: transformer.layers.$1.0.fn.norm.weight}
    - rename: {regex: 'block\\.(\\d+)\\.LayerNorm_0/bias', to: transformer.layers.$1.0.fn.norm.bias}
    - rename: {regex: 'block\\.(\\d+)\\.LayerNorm_2/scale', to: transformer.layers.$1.1.fn.norm.weight}
    - rename: {regex: 'block\\.(\\d+)\\.LayerNorm_2/bias', to: transformer.layers.$1.1.fn.norm.bias}
    - rename: {tensor: Transformer/encoder_norm/scale, to: mlp_head.0.weight}
    - rename: {tensor: Transformer/encoder_norm/bias, to: mlp_head.0.bias}
    - transpose: {tensor: head/kernel}
    - rename: {tensor: head/kernel, to: mlp_head.1.weight}
    - rename: {tensor: head/bias, to: mlp_head.1.bias}
    """
}
