"""The networks of the study: a small one of each family of timm, torchvision and transformers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..torchvision_names import declare_operators

TIMM = """
halonet_h1 mobileone_s1 cait_xxs24_224 coat_tiny convit_tiny convmixer_768_32 convnext_atto
cpubone_nano crossvit_tiny_240 csatv2 cs3darknet_focus_s cspnext_tiny davit_tiny
deit_tiny_patch16_224 densenet121 dla46x_c dpn48b edgenext_xx_small efficientformer_l1
efficientformerv2_s0 tinynet_e efficientvim_m1 efficientvit_b0 efficientvit_m0
vit_tiny_patch16_dinov3_qkvb fasternet_t0 fastvit_t8 focalnet_tiny_srf gcvit_xxtiny ghostnet_050
hardcorenas_b hgnetv2_b0 hiera_tiny_224 hrnet_w18_small iformer_t inception_next_atto
inception_v3 inception_v4 lcnetv2_small levit_128s lowformer_b0 mambaout_femto maxvit_pico_rw_256
poolformerv2_s12 gmlp_ti16_224 mobilenetv3_small_050 mobilevit_xxs mvitv2_tiny nest_tiny
nextvit_small nf_regnet_b0 pit_ti_224 pvt_v2_b0 rdnet_tiny regnetx_002 repghostnet_050 repvit_m1
res2next50 resnest14d resnet18 resnetv2_18 rexnet_100 selecsls42 legacy_seresnet18 sequencer2d_s
shvit_s1 skresnet18 starnet_s050 swiftformer_xs swin_tiny_patch4_window7_224
swinv2_tiny_window8_256 swinv2_cr_tiny_224 tiny_vit_5m_224 tnt_s_legacy_patch16_224 tresnet_m
twins_svt_small vgg11 visformer_tiny vit_tiny_patch16_224 vit_tiny_r_s16_p8_224
vit_srelpos_small_patch16_224 vitamin_small_224 volo_d1_224 ese_vovnet19b_slim_dw legacy_xception
xception41p xcit_nano_12_p8_224 sam2_hiera_tiny inception_resnet_v2 mobilenetv5_base nasnetalarge
pnasnet5large
""".split()
# Without a small member: two blocks of them.
SHALLOW = """
beit_base_patch16_224 deepseek_vit_412m gemma4_vit_167m naflexvit_base_patch16_parfac_gap
qwen3_vit_88m samvit_base_patch16_224
""".split()
TORCHVISION = """
alexnet vgg11 vgg11_bn resnet18 resnext50_32x4d densenet121 googlenet inception_v3 mnasnet0_5
mobilenet_v2 mobilenet_v3_small shufflenet_v2_x0_5 squeezenet1_1 efficientnet_b0 efficientnet_v2_s
regnet_y_400mf convnext_tiny vit_b_16 swin_t swin_v2_t maxvit_t fcn_resnet50
deeplabv3_mobilenet_v3_large lraspp_mobilenet_v3_large fasterrcnn_resnet50_fpn
fasterrcnn_mobilenet_v3_large_320_fpn retinanet_resnet50_fpn fcos_resnet50_fpn ssd300_vgg16
ssdlite320_mobilenet_v3_large
""".split()
TRANSFORMERS = """
ViTForImageClassification MobileViTForImageClassification DeiTForImageClassificationWithTeacher
BeitForImageClassification Data2VecVisionForImageClassification Dinov2ForImageClassification
Dinov2WithRegistersForImageClassification DINOv3ViTModel DINOv3ConvNextModel
IJepaForImageClassification CLIPVisionModelWithProjection SiglipVisionModel Aimv2VisionModel
ViTMSNForImageClassification YolosForObjectDetection SwinForImageClassification
Swinv2ForImageClassification Swin2SRForImageSuperResolution ConvNextForImageClassification
ConvNextV2ForImageClassification ResNetForImageClassification RegNetForImageClassification
BitForImageClassification EfficientNetForImageClassification MobileNetV1ForImageClassification
MobileNetV2ForImageClassification MobileViTForSemanticSegmentation
MobileViTV2ForImageClassification PoolFormerForImageClassification LevitForImageClassification
CvtForImageClassification FocalNetForImageClassification PvtForImageClassification
PvtV2ForImageClassification HieraForImageClassification TextNetForImageClassification
SegformerForSemanticSegmentation GLPNForDepthEstimation DPTForDepthEstimation VitDetModel
ViTMAEForPreTraining UperNetForSemanticSegmentation DepthAnythingForDepthEstimation
DetrForObjectDetection TableTransformerForObjectDetection ConditionalDetrForObjectDetection
DeformableDetrForObjectDetection Mask2FormerForUniversalSegmentation
MaskFormerForInstanceSegmentation SamVisionModel SuperPointForKeypointDetection
""".split()
LIBRARIES = {
    "timm": [*TIMM, *SHALLOW], "torchvision": TORCHVISION, "transformers": TRANSFORMERS,
}
_SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32,
    "intermediate_size": 64, "patch_size": 8, "num_key_value_heads": 4, "projection_dim": 16,
    "encoder_layers": 2, "decoder_layers": 2, "d_model": 32, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "num_queries": 5,
}
# Families whose stages have lists of widths: as they come.
_STAGED = (
    "MobileViT", "Levit", "MobileNet", "RegNet", "ResNet", "Bit", "TextNet", "ConvNext",
    "DINOv3ConvNext", "PoolFormer", "Segformer", "GLPN", "Pvt", "Cvt", "Hiera", "Mask", "UperNet",
    "DPT", "DepthAnything", "EfficientNet",
)
_OF_64 = (
    "MobileViT", "MobileNet", "RegNet", "ResNet", "Bit", "TextNet", "ConvNext", "DINOv3ConvNext",
    "PoolFormer", "Segformer", "GLPN", "PvtV2", "Mask", "UperNet", "EfficientNet",
)


class Dense(nn.Module):
    """A detector's backbone and dense head, without proposals and suppression."""

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.backbone = detector.backbone
        self.head = getattr(detector, "head", None) or detector.rpn.head

    def forward(self, images: Tensor) -> Any:
        features = self.backbone(images)
        return self.head(list(features.values()) if isinstance(features, dict) else [features])


def _timm(name: str) -> tuple[nn.Module, int]:
    import timm

    net = timm.create_model(name)
    if name in SHALLOW:
        for key in ("blocks", "layers"):
            for module in net.modules():
                stack = getattr(module, key, None)
                if isinstance(stack, (nn.ModuleList, nn.Sequential)) and len(stack) > 2:
                    setattr(module, key, stack[:2])
    size = getattr(net, "default_cfg", {}).get("input_size", (3, 224, 224))[1]
    return net, min(size, 224) if name in ("nasnetalarge", "pnasnet5large") else size


def _torchvision(name: str) -> tuple[nn.Module, int]:
    import torchvision.models as classification
    from torchvision.models import detection, segmentation

    sizes = {"inception_v3": 299, "ssd300_vgg16": 300, "ssdlite320_mobilenet_v3_large": 320}
    if hasattr(classification, name):
        extra = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        return getattr(classification, name)(weights=None, **extra), sizes.get(name, 224)
    nothing = {"weights": None, "weights_backbone": None}
    if hasattr(segmentation, name):
        return getattr(segmentation, name)(**nothing), 128
    return Dense(getattr(detection, name)(**nothing)), sizes.get(name, 128)


def _transformers(name: str) -> tuple[nn.Module, int]:
    import transformers

    kind = getattr(transformers, name)
    default = kind.config_class()
    given: dict[str, Any] = {
        key: value for key, value in _SMALL.items() if isinstance(getattr(default, key, None), int)
    }
    if name.startswith(_STAGED):
        given = {}
    if name.startswith(("Swin", "Focal")):
        given = {"image_size": 64, "embed_dim": 30 if name.startswith("Swin2SR") else 24}
    if name.startswith("Swin"):
        heads = [3, 3] if name.startswith("Swin2SR") else [2, 4]
        given |= {"depths": [2, 2], "num_heads": heads, "window_size": 4}
    if "Beit" in name or "Data2Vec" in name:
        given["use_relative_position_bias"] = True
    if "Detr" in name or "TableTransformer" in name:
        stages = ["stage2", "stage3", "stage4"] if "Deformable" in name else ["stage4"]
        backbone = transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 12, 16, 20], depths=[1, 1, 1, 1], out_features=stages
        )
        given |= {
            "use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None,
            "backbone_config": backbone,
        }
    config = kind.config_class(**given)
    net = kind(config)
    for tensor in net.parameters():
        if tensor.dim() > 1:
            # Wide layers with more overflow, and tell nothing.
            nn.init.normal_(tensor, 0, min(0.2, tensor[0].numel() ** -0.5))
    size = getattr(config, "image_size", 64)
    size = size if isinstance(size, int) else 224 if isinstance(size, (list, tuple)) else 64
    if name.startswith("DepthAnything"):
        size = 126
    if name.startswith("Deformable"):
        size = 128
    return net, 64 if name.startswith(_OF_64) else size


_MAKERS: dict[str, Callable[[str], tuple[nn.Module, int]]] = {
    "timm": _timm, "torchvision": _torchvision, "transformers": _transformers,
}


def make(library: str, name: str, batch: int, seed: int = 0) -> tuple[nn.Module, Tensor]:
    """A network with random weights and images for it."""
    declare_operators()
    torch.manual_seed(seed)
    net, size = _MAKERS[library](name)
    channels = getattr(getattr(net, "config", None), "num_channels", 3)
    return net.eval(), torch.randn(batch, channels if isinstance(channels, int) else 3, size, size)
