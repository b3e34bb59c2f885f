/// What goes wrong in a port: `tools/outside/catalogue.yaml` describes each by this name.
enum Mistake: String, Sendable {
  case none

  case resnetStrideOnSecondConv
  case resnetNormEps
  case resnetShortcutWithoutNorm
  case resnetReluBeforeSum
  case resnetNoReluAfterSum
  case resnetStemPadding
  case resnetPoolPadding
  case resnetBlocksReversed
  case resnetLastBlockSkipped
  case resnetBGR

  case resnextDilation
  case resnextStridedShortcut
  case resnextShortcutMaxPool
  case resnextSecondNormForgotten
  case resnextNoShortcut
  case resnextShortcutTwice
  case resnextStemAveragePool
  case resnextGlobalMaxPool
  case resnextStemReluForgotten

  case unetLeakyRelu
  case unetAveragePool
  case unetOneNormForTwo
  case unetNearest
  case unetAlignCorners
  case unetConcatOrder
  case unetPixelsNotScaled
  case unetNotNormalised
  case unetSigmoidAtTheEnd

  case convnextGeluTanh
  case convnextRelu
  case convnextNormFirst
  case convnextNoGamma
  case convnextGammaAfterSum
  case convnextBlockSkipped
  case convnextHeadNormForgotten
  case convnextHeadNormBeforePool
  case convnextGroupNorm
  case convnextStemNormEps

  case densenetNewestFirst
  case densenetReluBeforeNorm
  case densenetBlockOutputOrder
  case densenetTransitionMaxPool
  case densenetPoolCeil
  case densenetLastNormForgotten
  case densenetLastReluForgotten

  case mobilenetGateHardswish
  case mobilenetGateSigmoid
  case mobilenetNoResidual
  case mobilenetNormEps
  case mobilenetProjectionActivated
  case mobilenetGateForgotten
  case mobilenetSwish
  case mobilenetClassifierActivationForgotten
  case mobilenetSamePadding
  case mobilenetLastRelu

  case vitHeads
  case vitHeadsBeforeQKV
  case vitKeysForQueries
  case vitNoScale
  case vitScaleOfWidth
  case vitSoftmaxAxis
  case vitHeadsNotMerged
  case vitQuickGelu
  case vitNoLayerScale
  case vitPostNorm
  case vitResidualFromNorm
  case vitPatchesByColumn
  case vitTokenLast
  case vitNoPositions
  case vitFinalNormForgotten
  case vitMeanOfTokens

  case mixerNormEps
  case mixerGeluForgotten
  case mixerDropoutScales
  case mixerNoTranspose
  case mixerSecondResidualForgotten
  case mixerFirstNormTwice
  case mixerFirstToken

  case googlenetNormEps
  case googlenetReluForgotten
  case googlenetBranchAveragePool
  case googlenetBranchOrder
  case googlenetPoolFloor
  case googlenetPoolKernel
  case googlenetInputNotTransformed
  case googlenetBlockTwice

  case poolformerCountsPadding
  case poolformerNothingSubtracted
  case poolformerLayerNorm
  case poolformerNoScale
  case poolformerStaleInput
  case poolformerStemPadding

  case deeplabRatesSwapped
  case deeplabNoDilation
  case deeplabPooledFirst

  case vggClassifierReluForgotten
  case vggMaxPool
  case vggFlattenedChannelsLast
  case vggSoftmaxAtTheEnd
}
