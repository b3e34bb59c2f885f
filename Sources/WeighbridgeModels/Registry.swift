import WeighbridgeModules

extension ArchitectureRegistry {
  /// The architectures that come with Weighbridge. A new one is one file and one line here.
  public static let builtIn = ArchitectureRegistry([
    PatchEmbed.self,
    PatchMerging.self,
    SpatialTransformer.self,
    SELayer.self,
    SEBottleneck.self,
    SEResNet18.self,
    SEResNet34.self,
    SEResNet50.self,
    SEResNet101.self,
    SEResNet152.self,
    SEInception3.self,
    SKConv.self,
    SKBlock.self,
    SKNet50.self,
    SKNet101.self,
    VisionTransformer.self,
    Encoding.self,
    LVCBlock.self,
    EVCBlock.self,
    DETREncoder.self,
    ScaledDotProductAttention.self,
    Retina.self,
    GlimpseNetwork.self,
    RecurrentAttention.self,
  ])
}
